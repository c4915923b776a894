// Folding the write-ahead log into the data file. While the writer is busy a thread of its own does it, a thousand pages at a time: on the writer's it would be two syncs and
// as many scattered writes inside some COMMIT. The same thread makes room for the log of a writer that is busy. The log's space is given back here when the writer is idle, unless
// it was given on purpose, or when readers have let the log grow.
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { DbError } from "../../base/errors.ts";
import { errorText, type Log } from "../../base/log.ts";
import type { CheckpointThread } from "./checkpoint-thread.ts";
import { BUSY_TIMEOUT_MS, LOG_LIMIT_BYTES } from "./connection.ts";
import type { Failpoint } from "./failpoint.ts";
import { hasSpareDisk } from "./log-room.ts";
import { isSyncFault } from "./storage-error.ts";

/** The writer counts as idle after this long without a commit. */
export const CHECKPOINT_INTERVAL_MS = 1_000;

/** The log is looked at after so many commits. */
const COMMITS_BETWEEN_LOOKS = 8;
/** A full disk, most likely, or a reader that holds the log: asked again, and told to the operator, seldom. */
const COMMITS_AFTER_FAILURE = 1_000;
/** Of the log that is not in the data file: as many as SQLite itself waits for. */
const FOLD_PAGES = 1_000;
/**
 * A log that has grown to this is folded to its end, so that the next commit begins it anew: the few pages that were written while the thread worked are left to the writer,
 * and take it two syncs.
 */
const RESTART_PAGES = 4_000;
/** A log that gets as long as this is a busy writer's: it is given room. */
const ROOM_FROM_PAGES = 250;
/** Of the log that is not in the data file: from here on what can wait should not write. */
const BEHIND_PAGES = 8_000;
/** 256 MiB: a thread that cannot keep up is helped by the writer, which is held up by that. */
const MAX_PAGES = 65_536;

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
  /** `folded`: the thread has just done what it could. */
  #state: "growing" | "folded" | "failed" = "growing";
  #isDoubtful = false;
  /** The log was given room, or there was none to give. */
  #hasRoom = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  /**
   * A sync of the log has failed. What was written before it, and had not been synced, may never reach the disk although the next sync succeeds; and behind a hole in the log
   * nothing is found after a power loss. So nothing may be committed to this log any more.
   */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Before each transaction. A log in doubt is folded into the data file and begun anew, or the transaction is refused. */
  requireSound(): void {
    if (!this.#isDoubtful) return;
    if (!this.truncate()) {
      throw new DbError("STORAGE_ERROR", "The log could not be synced and is not yet begun anew; nothing was written");
    }
    this.#isDoubtful = false;
  }

  /** To be called after each commit, failed ones too. One timer at most; none while there is nothing to fold. */
  schedule(): void {
    this.#commits += 1;
    this.#arm();
    if (this.#commits < this.#lookAt || this.#options.thread.isWorking) return;
    try {
      this.#look();
    } catch (error) {
      // The commit that it follows stands.
      this.#lookAt = this.#commits + COMMITS_AFTER_FAILURE;
      this.#options.log.warn("checkpoint failed", { error: errorText(error) });
    }
  }

  /** Outside of a transaction: SQLite tells nothing of the log inside one. */
  #look(): void {
    if (this.#options.db.inTransaction) return;
    this.#lookAt = this.#commits + COMMITS_BETWEEN_LOOKS;
    const { total, unfolded } = this.#pages();
    const isRest = this.#state === "folded" && unfolded > 0 && total >= RESTART_PAGES && unfolded < FOLD_PAGES;
    if (isRest) this.#checkpoint("PASSIVE");
    else if (total >= MAX_PAGES) this.#foldAll();
    else if (unfolded >= FOLD_PAGES) this.#fold();
    else {
      this.#state = "growing";
      if (!this.#hasRoom && total >= ROOM_FROM_PAGES) this.#makeRoom();
    }
  }

  /** One that fails leaves the log as long as it is: commits make it grow, as they would have. */
  #makeRoom(): void {
    const { thread, path, log } = this.#options;
    this.#hasRoom = true;
    void thread.run("makeRoom", path).then(({ failure }) => {
      if (failure !== undefined) log.warn("the log was not given room", { error: failure });
    });
  }

  /** A reader that holds the log for long makes it vain, so it is not tried at each look. */
  #foldAll(): void {
    this.#lookAt = this.#commits + COMMITS_AFTER_FAILURE;
    this.#checkpoint("PASSIVE");
  }

  #fold(): void {
    const { thread, path, log } = this.#options;
    void thread.run("fold", path).then(({ failure }) => {
      if (failure !== undefined) log.warn("checkpoint failed", { error: failure });
      this.#state = failure === undefined ? "folded" : "failed";
      this.#lookAt = this.#commits + (failure === undefined ? 1 : COMMITS_AFTER_FAILURE);
    });
  }

  /** Whether so much of the log waits to be folded that what can wait should. Asks the thread for it, if nobody has. */
  isBehind(): boolean {
    const { db, thread } = this.#options;
    if (db.inTransaction || this.#state === "failed") return false;
    const isBehind = this.#pages().unfolded >= BEHIND_PAGES;
    if (isBehind && !thread.isWorking) this.#fold();
    return isBehind;
  }

  #pages(): { readonly total: number; readonly unfolded: number } {
    using statement = this.#options.db.prepare("PRAGMA wal_checkpoint(NOOP)");
    const [[, total, folded] = []] = statement.values();
    return { total: Number(total), unfolded: Number(total) - Number(folded) };
  }

  /** Folds the rest of the log if the time is right, and gives its space back. Returns false when it holds nothing that could be folded later. */
  tick(): boolean {
    const isIdle = this.#commits === this.#seenCommits;
    this.#seenCommits = this.#commits;
    const bytes = this.logBytes();
    if (bytes === 0) return false;
    // Between two slices of a large work.
    if (this.#options.db.inTransaction) return true;
    if (!isIdle && bytes <= LOG_LIMIT_BYTES) return true;
    if (this.#options.thread.isWorking) return true;
    // The writer folds what is left over only.
    if (this.#state === "failed" || this.#pages().unfolded < FOLD_PAGES) return !this.#settle(bytes);
    this.#fold();
    return true;
  }

  /** What is left of the log goes into the data file. Room that was given stays: the next commits need it. */
  #settle(bytes: number): boolean {
    const keepsRoom = this.#hasRoom && bytes <= LOG_LIMIT_BYTES && hasSpareDisk(this.#options.path);
    if (!keepsRoom) return this.truncate();
    return this.#checkpoint("PASSIVE") && this.#pages().unfolded === 0;
  }

  /** Does not wait for readers: false when one still needs the log, or the disk refused. */
  truncate(): boolean {
    this.#hasRoom = false;
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
      // It may have been the log's own sync, of which this connection is told once.
      if (isSyncFault(error)) this.doubt();
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
