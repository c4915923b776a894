// Folding the write-ahead log into the data file. While the writer is busy a thread of its own does it, a thousand pages at a time: on the writer's it would be two syncs and
// as many scattered writes inside some COMMIT. The log's space is given back here when the writer is idle, or when readers have let the log grow.
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { errorText, type Log } from "../../base/log.ts";
import type { CheckpointThread } from "./checkpoint-thread.ts";
import { BUSY_TIMEOUT_MS, LOG_LIMIT_BYTES } from "./connection.ts";
import type { Failpoint } from "./failpoint.ts";

/** The writer counts as idle after this long without a commit. */
export const CHECKPOINT_INTERVAL_MS = 1_000;

/** The log is looked at after so many commits. */
const COMMITS_BETWEEN_LOOKS = 8;
/** A full disk, most likely: asked again, and told to the log, seldom. */
const COMMITS_AFTER_FAILURE = 1_000;
/** Of the log that is not in the data file: as many as SQLite itself waits for. */
const FOLD_PAGES = 1_000;
/**
 * A log that has grown to this is folded to its end, so that the next commit begins it anew: what was written while the thread worked is left to the writer, and takes it
 * two syncs. A disk that is slower than the writer makes the log longer, up to `LOG_LIMIT_BYTES` and then by what is written until it is folded.
 */
const RESTART_PAGES = 4_000;

export interface CheckpointOptions {
  readonly db: Database;
  readonly thread: CheckpointThread;
  readonly path: string;
  readonly log: Log;
  readonly failpoint: Failpoint;
}

export class Checkpointer {
  readonly #options: CheckpointOptions;
  #commits = 0;
  #seenCommits = 0;
  #lookAt = COMMITS_BETWEEN_LOOKS;
  /** The thread has just done what it could. */
  #isFolded = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** To be called after each commit, failed ones too. One timer at most; none while there is nothing to fold. */
  schedule(): void {
    this.#commits += 1;
    this.#arm();
    if (this.#commits < this.#lookAt || this.#options.thread.isFolding) return;
    this.#look();
  }

  /** Outside of a transaction: SQLite tells nothing of the log inside one. */
  #look(): void {
    const { db, thread, path, log } = this.#options;
    if (db.inTransaction) return;
    this.#lookAt = this.#commits + COMMITS_BETWEEN_LOOKS;
    const { total, unfolded } = this.#pages();
    if (this.#isFolded && unfolded > 0 && total >= RESTART_PAGES) this.#checkpoint("PASSIVE");
    else if (unfolded >= FOLD_PAGES) {
      void thread.fold(path).then(({ failure }) => {
        if (failure !== undefined) log.warn("checkpoint failed", { error: failure });
        this.#isFolded = failure === undefined;
        // With the next commit.
        this.#lookAt = failure === undefined ? 0 : this.#commits + COMMITS_AFTER_FAILURE;
      });
    }
    this.#isFolded = false;
  }

  #pages(): { readonly total: number; readonly unfolded: number } {
    using statement = this.#options.db.prepare("PRAGMA wal_checkpoint(NOOP)");
    const [[, total, folded] = []] = statement.values();
    return { total: Number(total), unfolded: Number(total) - Number(folded) };
  }

  /** Truncates the log if the time is right. Returns false when it holds nothing that could be folded later. */
  tick(): boolean {
    const isIdle = this.#commits === this.#seenCommits;
    this.#seenCommits = this.#commits;
    const bytes = this.logBytes();
    if (bytes === 0) return false;
    // Between two slices of a large work.
    if (this.#options.db.inTransaction) return true;
    if (!isIdle && bytes <= LOG_LIMIT_BYTES) return true;
    return !this.truncate();
  }

  /** Does not wait for readers: false when one still needs the log, or the disk refused. */
  truncate(): boolean {
    return this.#checkpoint("TRUNCATE");
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): boolean {
    const { db, log, failpoint } = this.#options;
    try {
      failpoint("checkpoint");
      db.run("PRAGMA busy_timeout = 0");
      try {
        using statement = db.prepare(`PRAGMA wal_checkpoint(${mode})`);
        return Number(statement.values()[0]?.[0]) === 0;
      } finally {
        db.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      }
    } catch (error) {
      log.warn("checkpoint failed", { error: errorText(error) });
      return false;
    }
  }

  logBytes(): number {
    return statSync(`${this.#options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Resolves when the thread is gone. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#options.thread.close();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.tick()) this.#arm();
    }, CHECKPOINT_INTERVAL_MS);
    // Housekeeping alone keeps no process alive.
    this.#timer.unref();
  }
}
