// When sockets have to end: unauthenticated ones soon, the others with their token. One timer looks at all of them, so that a socket pays a number and no timer of its own.
import type { Clock } from "../base/clock.ts";
import type { SocketTable } from "./outlet.ts";
import type { Socket } from "./socket-data.ts";

export interface DeadlinesDeps {
  readonly sockets: SocketTable;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Its deadline is over; it has none now. */
  readonly reached: (socket: Socket) => void;
}

/** A deadline is met this late at most. */
const LEAST_INTERVAL_MS = 500;
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Deadlines {
  readonly #deps: DeadlinesDeps;
  #timer: Timer | undefined;
  #wakesAtMs = Number.POSITIVE_INFINITY;

  constructor(deps: DeadlinesDeps) {
    this.#deps = deps;
  }

  /** Of an open socket; it takes the place of the one before. */
  set(socket: Socket, inMs: number): void {
    const deadlineMs = this.#deps.clock.monotonicMs() + inMs;
    socket.data.deadlineMs = deadlineMs;
    if (deadlineMs < this.#wakesAtMs) this.#wakeAt(deadlineMs);
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#wakesAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    const remainingMs = Math.max(0, atMs - this.#deps.clock.monotonicMs());
    this.#timer = setTimeout(() => this.#look(), Math.min(remainingMs, MAX_TIMER_MS));
    this.#timer.unref();
  }

  #look(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const reached: Socket[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const socket of this.#deps.sockets.values()) {
      const { deadlineMs } = socket.data;
      if (deadlineMs <= nowMs) reached.push(socket);
      else if (deadlineMs < next) next = deadlineMs;
    }
    this.#wakeAt(Math.max(next, nowMs + LEAST_INTERVAL_MS));
    for (const socket of reached) {
      socket.data.deadlineMs = Number.POSITIVE_INFINITY;
      this.#deps.reached(socket);
    }
  }
}
