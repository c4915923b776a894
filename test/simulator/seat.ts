// A client of the simulator and the live queries it holds, whatever its family.
import type { Coverage } from "./coverage.ts";
import type { Watcher } from "./watcher.ts";

export interface SeatClient {
  /** Replaces what the slot held. */
  watch(watcher: Watcher): void;
  unwatch(id: string): void;
  /** Ends the sockets as a broken network would. */
  cut(): void;
  close(): void;
  /** Those that the server has let in. */
  readonly sockets: ReadonlySet<SocketRecord>;
}

/** What became of a socket. */
export interface SocketRecord {
  readonly isOpen: boolean;
  /** Why the server closed it. */
  readonly reason: string | undefined;
}

export interface SeatOptions {
  readonly url: string;
  /** Another one each time. */
  readonly token: () => Promise<string>;
  readonly format: "json" | "msgpack";
  readonly coverage: Coverage;
}

/** Why the server closed a socket, where it is something the schedule is after. */
export function coverClose(coverage: Coverage, reason: string): void {
  if (reason === "Token expired") coverage.count("socket closed: token expired");
  if (reason === "Access revoked") coverage.count("socket closed: access revoked");
}
