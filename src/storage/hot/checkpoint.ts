// Folding the write-ahead log into the data file. SQLite does most of it on its own, a thousand pages at a time; what it never does by itself
// is to give the log's space back, so this does when the writer is idle, or when readers have let the log grow.
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { errorText, type Log } from "../../base/log.ts";
import { BUSY_TIMEOUT_MS, LOG_LIMIT_BYTES } from "./connection.ts";
import type { Failpoint } from "./failpoint.ts";

/** The writer counts as idle after this long without a commit. */
export const CHECKPOINT_INTERVAL_MS = 1_000;

export interface CheckpointOptions {
  readonly db: Database;
  readonly path: string;
  readonly log: Log;
  readonly failpoint: Failpoint;
}

export class Checkpointer {
  readonly #options: CheckpointOptions;
  #commits = 0;
  #seenCommits = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /** To be called after each commit, failed ones too. One timer at most; none while there is nothing to fold. */
  schedule(): void {
    this.#commits += 1;
    this.#arm();
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
    const { db, log, failpoint } = this.#options;
    try {
      failpoint("checkpoint");
      db.run("PRAGMA busy_timeout = 0");
      try {
        using statement = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
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

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
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
