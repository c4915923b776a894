// Whose turn the writer's loop is: a work in slices that has begun goes on turn by turn until it is done, and the works that come meanwhile run after it, in their order.
// The bound of those that wait is stated at `add`.
import type { Clock } from "../../base/clock.ts";

/** The loop is left to everything else after this long. */
const MAX_TURN_MS = 4;
const MAX_WAITING_WORKS = 10_000;

/** Works until the time is over. True: it is done. */
export type Advance = (untilMs: number) => boolean;

export class WorkTurns {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #maxWaiting: number;
  #current: Advance | undefined;
  #waiting: (() => void)[] = [];
  /** Of the waiting, those that had their turn. */
  #taken = 0;
  #isScheduled = false;
  #parked: Promise<void> | undefined;

  constructor(clock: Pick<Clock, "monotonicMs">, maxWaiting = MAX_WAITING_WORKS) {
    this.#clock = clock;
    this.#maxWaiting = maxWaiting;
  }

  /** Nothing stands before a work that comes now. */
  get isFree(): boolean {
    return this.#parked === undefined && this.#current === undefined && this.#taken === this.#waiting.length;
  }

  /** Calls back when the work's turn comes. False: too many wait. */
  add(start: () => void): boolean {
    if (this.#waiting.length - this.#taken >= this.#maxWaiting) return false;
    this.#waiting.push(start);
    this.#schedule();
    return true;
  }

  /** By a work whose turn has come: it goes on so. */
  hold(advance: Advance): void {
    this.#current = advance;
  }

  /** By a work whose turn has come: no other begins before the answer is called. */
  park(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parked = promise;
    return () => {
      this.#parked = undefined;
      resolve();
      this.#schedule();
    };
  }

  /** Undefined: nothing is parked. */
  get parked(): Promise<void> | undefined {
    return this.#parked;
  }

  /** All that is left to do, now. Nothing may be parked. */
  finish(): void {
    while (!this.isFree) this.#run(Number.POSITIVE_INFINITY);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run(this.#clock.monotonicMs() + MAX_TURN_MS);
      if (this.#parked === undefined && !this.isFree) this.#schedule();
    });
  }

  #run(untilMs: number): void {
    do {
      if (this.#parked !== undefined) return;
      if (this.#current === undefined) {
        const start = this.#take();
        if (start === undefined) return;
        start();
      } else if (this.#current(untilMs)) {
        this.#current = undefined;
      }
    } while (this.#clock.monotonicMs() < untilMs);
  }

  #take(): (() => void) | undefined {
    const start = this.#waiting[this.#taken];
    this.#taken = Math.min(this.#taken + 1, this.#waiting.length);
    if (this.#taken === this.#waiting.length) {
      this.#waiting = [];
      this.#taken = 0;
    }
    return start;
  }
}
