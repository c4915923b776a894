// Shares the main thread: work that comes in storms (thousands of clients that subscribe at once) waits for its turn, so that no turn of the event loop spends more
// than a slice on it. Sockets, timers and commits run between slices.
import type { Clock } from "./clock.ts";

export interface PacerOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Time that one turn of the loop may spend on paced work. */
  readonly sliceMs: number;
  /** After so many turns, in a turn of the loop that has nothing else of the paced work: clears away what the turns have left behind. */
  readonly sweep?: { readonly everyTurns: number; readonly run: () => void };
}

/** Whoever waits is bounded where the work comes from: at most one piece a socket, or a read. */
export class Pacer {
  readonly #options: PacerOptions;
  readonly #waiting: (() => void)[] = [];
  #sliceStartedMs: number | undefined;
  #isScheduled = false;
  #turnsSinceSweep = 0;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Undefined: go ahead at once. Else resolves when it is the caller's turn, first come first served. */
  turn(): Promise<void> | undefined {
    this.#turnsSinceSweep += 1;
    if (this.#waiting.length === 0 && !this.#isSpent()) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#schedule();
    return promise;
  }

  #isSpent(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#sliceStartedMs === undefined) {
      this.#sliceStartedMs = nowMs;
      this.#schedule();
    }
    return nowMs - this.#sliceStartedMs >= this.#options.sliceMs;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => void this.#slice());
  }

  async #slice(): Promise<void> {
    this.#isScheduled = false;
    this.#sliceStartedMs = undefined;
    if (this.#sweeps()) return;
    while (this.#waiting.length > 0 && !this.#isSpent()) {
      this.#waiting.shift()?.();
      // Lets the work run, so that the next look at the clock counts it.
      await Promise.resolve();
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  #sweeps(): boolean {
    const { sweep } = this.#options;
    if (sweep === undefined || this.#turnsSinceSweep < sweep.everyTurns) return false;
    this.#turnsSinceSweep = 0;
    sweep.run();
    if (this.#waiting.length > 0) this.#schedule();
    return true;
  }
}
