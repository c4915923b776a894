// Since when each socket has had something to send that it has not taken, for `lag_ms`. Only sockets that are behind have an entry. A frame that a socket did not take
// at once is seen when it is sent; one that came by its topic, where nobody says so, when the queues are looked at.
import type { Clock } from "../base/clock.ts";
import type { ConnectionId } from "../base/ids.ts";
import type { Outlet } from "./ports.ts";

export interface BacklogsDeps {
  readonly outlet: Pick<Outlet, "queuedBytes">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

export class Backlogs {
  readonly #deps: BacklogsDeps;
  readonly #sinceMs = new Map<ConnectionId, number>();

  constructor(deps: BacklogsDeps) {
    this.#deps = deps;
  }

  /** Something was left in the socket's queue. */
  begin(connection: ConnectionId): void {
    if (!this.#sinceMs.has(connection)) this.#sinceMs.set(connection, this.#deps.clock.monotonicMs());
  }

  delete(connection: ConnectionId): void {
    this.#sinceMs.delete(connection);
  }

  /** Call on a timer, and when a socket has drained. */
  look(connection: ConnectionId): void {
    if (this.#deps.outlet.queuedBytes(connection) > 0) this.begin(connection);
    else this.delete(connection);
  }

  /** How long the socket has been behind; undefined: it has taken everything. */
  ageMs(connection: ConnectionId): number | undefined {
    const sinceMs = this.#sinceMs.get(connection);
    return sinceMs === undefined ? undefined : Math.round(this.#deps.clock.monotonicMs() - sinceMs);
  }

  /** Monotonic; undefined: the socket has taken everything. */
  sinceMs(connection: ConnectionId): number | undefined {
    this.look(connection);
    return this.#sinceMs.get(connection);
  }
}
