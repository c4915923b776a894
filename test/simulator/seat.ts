// A client of the simulator and the live queries it holds, whatever its family.
import type { Watcher } from "./watcher.ts";

export interface SeatClient {
  /** Replaces what the slot held. */
  watch(watcher: Watcher): void;
  unwatch(id: string): void;
  /** Ends the sockets as a broken network would. */
  cut(): void;
  close(): void;
}

export interface SeatOptions {
  readonly url: string;
  readonly token: string;
  readonly format: "json" | "msgpack";
}
