// Removes leftovers in works of their own, each short, with pauses as long as the works: a file of any size, or a table of any size, leaves the buffer without
// holding up a write. Nothing waits for it; what it has not reached yet is invisible already.
import type { Clock } from "../../base/clock.ts";
import { errorText, type Log } from "../../base/log.ts";
import type { Writer, WriteTx } from "../seams.ts";
import type { Leftover, Leftovers, Trimmed } from "./leftovers.ts";

/** Rows of one work, and of one step inside it. With keys in random order 250 rows take 0.7 ms, and their COMMIT 4; 1,000 took 5 and 17. */
export const TRIM_ROWS = 250;
const STEP_ROWS = 100;
const TRIM_MS = 2;
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 100;
/** After a work that failed: a full disk, most likely. */
const RETRY_MS = 1_000;

export interface TrimmerOptions {
  readonly writer: Pick<Writer, "submit">;
  readonly leftovers: Leftovers;
  /** Asked before each work: whether the log has more to be folded than the disk keeps up with. Nothing here is urgent. */
  readonly isBehind?: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  #running: Promise<void> | undefined;
  #wakeUp: (() => void) | undefined;
  #isStopped = false;

  constructor(options: TrimmerOptions) {
    this.#options = options;
  }

  /** To be called at open and after each commit. */
  wake(): void {
    if (this.#running !== undefined || this.#isStopped || this.#options.leftovers.isEmpty) return;
    this.#running = this.#run();
  }

  /** Resolves when nothing is left, or after `stop`. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** What is left over is found again at the next open. */
  stop(): void {
    this.#isStopped = true;
    this.#wakeUp?.();
  }

  async #run(): Promise<void> {
    const { writer, leftovers, isBehind, clock, log } = this.#options;
    // The commit that woke this is still being told to its submitters.
    await this.#pause(0);
    while (!this.#isStopped && !leftovers.isEmpty) {
      if (isBehind?.() === true) {
        await this.#pause(MAX_PAUSE_MS);
        continue;
      }
      const startedMs = clock.monotonicMs();
      try {
        const { value } = await writer.submit((tx) => this.#slice(tx));
        for (const trimmed of value) leftovers.settle(trimmed);
      } catch (error) {
        if (this.#isStopped) break;
        log.warn("rows that were flushed or dropped could not be removed yet", { error: errorText(error) });
        await this.#pause(RETRY_MS);
        continue;
      }
      const tookMs = clock.monotonicMs() - startedMs;
      await this.#pause(Math.min(Math.max(tookMs, MIN_PAUSE_MS), MAX_PAUSE_MS));
    }
    this.#running = undefined;
  }

  #slice(tx: WriteTx): Trimmed[] {
    const { leftovers, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const trimmed: Trimmed[] = [];
    let rows = 0;
    for (const leftover of leftovers.all()) {
      let rest: Leftover | undefined = leftover;
      while (rest !== undefined && rows < TRIM_ROWS && clock.monotonicMs() - startedMs < TRIM_MS) {
        const step = tx.trim(rest, Math.min(STEP_ROWS, TRIM_ROWS - rows));
        rest = step.rest;
        rows += step.rows;
      }
      trimmed.push({ leftover, rest });
      if (rest !== undefined) break;
    }
    return trimmed;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wakeUp = resolve;
    await promise;
    clearTimeout(timer);
  }
}
