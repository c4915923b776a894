// A reserve of disk space. When the disk is full, even a DELETE or a checkpoint needs room in the log; giving up the reserve provides it.
// While the reserve is gone, only writes that free space are admitted, so the room is not used up by new rows.
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { errorText, type Log } from "../../base/log.ts";
import type { Failpoint } from "./failpoint.ts";

export const BALLAST_BYTES = 4 << 20;
/** A full disk is asked again at most this often. */
const RETRY_MS = 1_000;

export interface BallastOptions {
  readonly path: string;
  readonly log: Log;
  readonly failpoint: Failpoint;
  readonly monotonicMs: () => number;
}

export class Ballast {
  readonly #options: BallastOptions;
  #present = false;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BallastOptions) {
    this.#options = options;
    if (!this.#isOnDisk()) this.#create();
    else this.#present = true;
  }

  /** True while the reserve is there. Tries to make it again when it is not. */
  ensure(): boolean {
    if (this.#present) return true;
    if (this.#options.monotonicMs() - this.#triedAtMs < RETRY_MS) return false;
    this.#create();
    return this.#present;
  }

  /** Gives the space back to the disk. */
  release(): void {
    if (!this.#present) return;
    this.#present = false;
    this.#triedAtMs = this.#options.monotonicMs();
    this.#remove();
    this.#options.log.warn("disk full: reserve released, new rows are refused until there is space again");
  }

  #isOnDisk(): boolean {
    return statSync(this.#options.path, { throwIfNoEntry: false })?.size === BALLAST_BYTES;
  }

  #create(): void {
    this.#triedAtMs = this.#options.monotonicMs();
    try {
      this.#options.failpoint("ballast");
      const file = openSync(this.#options.path, "w", 0o600);
      try {
        // Written, not truncated to size: a sparse file reserves nothing.
        const written = writeSync(file, new Uint8Array(BALLAST_BYTES));
        this.#present = written === BALLAST_BYTES;
      } finally {
        closeSync(file);
      }
      if (!this.#present) this.#remove();
    } catch (error) {
      this.#remove();
      this.#options.log.warn("no space for the reserve", { error: errorText(error) });
    }
  }

  /** Called where a write has failed already, whose outcome must not depend on this. */
  #remove(): void {
    try {
      rmSync(this.#options.path, { force: true });
    } catch (error) {
      this.#options.log.warn("the reserve cannot be removed", { error: errorText(error) });
    }
  }
}
