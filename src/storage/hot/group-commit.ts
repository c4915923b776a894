// The single writer. Works submitted in one turn of the event loop share one transaction, committed once when the turn ends: one sync pays
// for all of them. Nobody is told anything, neither of success nor of failure, before that commit; then listeners first, submitters after,
// both in the order of the works. The protocol, with its invariants: specs/storage.md.
import type { Database } from "bun:sqlite";
import type { Clock } from "../../base/clock.ts";
import { assert, DbError } from "../../base/errors.ts";
import type { Scope, Seq, TableId } from "../../base/ids.ts";
import { errorText, type Log } from "../../base/log.ts";
import { createSeqGenerator, type SeqGenerator } from "../../base/seq.ts";
import type { CommitEvent, Committed, Slices, Writer, WriteTx } from "../seams.ts";
import type { StreamExpiry } from "../stream/stream-expiry.ts";
import type { StreamLimits } from "../stream/stream-limits.ts";
import type { Ballast } from "./ballast.ts";
import { Batch, type BatchState } from "./batch.ts";
import { BatchParts } from "./batch-parts.ts";
import type { BufferCounts } from "./buffer-counts.ts";
import type { Checkpointer } from "./checkpoint.ts";
import type { Failpoint } from "./failpoint.ts";
import type { Leftovers } from "./leftovers.ts";
import type { OpenBatch } from "./open-batch.ts";
import { type Outcome, type Settling, settling, shuttingDown } from "./settling.ts";
import { isFull, isSyncFault, toStorageError } from "./storage-error.ts";
import { type TransactionStatements, transactionStatements } from "./transaction-statements.ts";
import { WorkTurns } from "./work-turns.ts";
import { WriteTransaction } from "./write-transaction.ts";

/** A turn that brings more is committed in pieces, so that neither the loop nor the memory of an open batch grows without limit. */
export const MAX_BATCH_WORKS = 1_000;
const MAX_BATCH_MS = 5;

export interface GroupCommitOptions {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly failpoint: Failpoint;
  /** What everybody reads; moved forward after each commit. */
  readonly committed: BatchState;
  /** The writer's own copy, equal to `committed` at the start. */
  readonly working: BatchState;
  readonly counts: BufferCounts;
  readonly expiry: StreamExpiry;
  readonly streamLimits: StreamLimits;
  readonly leftovers: Leftovers;
  readonly ballast: Ballast;
  readonly checkpointer: Checkpointer;
  /** The last position the file knows. */
  readonly position: Seq;
}

export class GroupCommitWriter implements Writer {
  readonly #options: GroupCommitOptions;
  readonly #seqs: SeqGenerator;
  readonly #parts: BatchParts;
  readonly #listeners: ((event: CommitEvent) => void)[] = [];
  readonly #sql: TransactionStatements;
  readonly #turns: WorkTurns;
  #open: OpenBatch | undefined;
  #position: Seq;
  #isInWork = false;
  #isPublishing = false;
  #isClosed = false;
  readonly #closing = new AbortController();

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#turns = new WorkTurns(options.clock);
    this.#position = options.position;
    this.#seqs = createSeqGenerator(options.clock, options.position);
    this.#sql = transactionStatements(options.db);
    this.#parts = new BatchParts({
      ...options,
      sql: this.#sql,
      seqs: this.#seqs,
      catalogVersion: options.committed.catalog.version,
      noteFault: (error) => this.#noteFault(error),
    });
  }

  get position(): Seq {
    return this.#position;
  }

  bufferedRows(table: TableId, scope?: Scope): number {
    return this.#options.counts.rows(table, scope);
  }

  bufferedScopes(table: TableId): readonly Scope[] {
    return this.#options.counts.scopes(table);
  }

  onCommit(listener: (event: CommitEvent) => void): void {
    this.#listeners.push(listener);
  }

  submit<T>(work: (tx: WriteTx) => T): Promise<Committed<T>> {
    assert(!this.#isInWork, "a work submits no other work");
    if (this.#isClosed) return Promise.reject(shuttingDown());
    if (this.#turns.isFree) return this.#submitNow(work);
    return this.#enqueue((done) => void this.#submitNow(work).then(done.resolve, done.reject));
  }

  /**
   * For a work that nobody waits for and that is done again when power loss undoes it: committed at once and not synced, unless it comes to share the batch of others. The
   * next synced commit makes it last, as everything before it in the log.
   */
  submitUnsynced<T>(work: (tx: WriteTx) => T): Promise<Committed<T>> {
    if (this.#isClosed || this.#isPublishing || !this.#turns.isFree || this.#open !== undefined)
      return this.submit(work);
    try {
      this.#openBatch({ isSynced: false });
    } catch (error) {
      return Promise.reject(this.#noteFault(error));
    }
    const committed = this.submit(work);
    if (this.#open !== undefined) this.#commit(this.#open);
    return committed;
  }

  submitInSlices<T>(work: (tx: WriteTx) => Slices<T>): Promise<Committed<T>> {
    assert(!this.#isInWork, "a work submits no other work");
    if (this.#isClosed) return Promise.reject(shuttingDown());
    return this.#enqueue((done) => this.#beginLarge(work, done));
  }

  /**
   * Runs `work` while no transaction is open nor begins, so that another process may write to the file. The loop goes on; works submitted meanwhile run after it, in
   * their order. The signal is that of `close`, which waits for `work`.
   */
  whileIdle<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(shuttingDown());
    const done = this.#enqueue<Promise<T>>(({ resolve, reject }) => {
      if (this.#isClosed) return reject(shuttingDown());
      if (this.#open !== undefined) this.#commit(this.#open);
      const resume = this.#turns.park();
      const result = Promise.try(work, this.#closing.signal).finally(resume);
      result.then(() => resolve({ value: result, position: this.#position }), reject);
    });
    return done.then(({ value }) => value);
  }

  #enqueue<T>(start: (done: Settling<T>) => void): Promise<Committed<T>> {
    const { promise, resolve, reject } = Promise.withResolvers<Committed<T>>();
    if (!this.#turns.add(() => start({ resolve, reject }))) {
      reject(new DbError("SERVER_BUSY", "Too many writes are waiting for a large one"));
    }
    return promise;
  }

  #submitNow<T>(work: (tx: WriteTx) => T): Promise<Committed<T>> {
    let open: OpenBatch;
    try {
      open = this.#openBatch();
    } catch (error) {
      return Promise.reject(this.#noteFault(error));
    }
    const tx = this.#transaction(open);
    const outcome = this.#run(open, tx, () => ({ value: work(tx) }));
    assert(outcome !== undefined, "a work is done in one go");
    const { promise, resolve, reject } = Promise.withResolvers<Committed<T>>();
    open.settle.push(settling(outcome, { resolve, reject }));
    // A listener that submits must not start a second commit before the other listeners have seen the first.
    if (!this.#isPublishing && this.#isLarge(open)) this.#commit(open);
    return promise;
  }

  /** In a batch of its own, so that nobody's commit waits for all of its slices. */
  #beginLarge<T>(work: (tx: WriteTx) => Slices<T>, done: Settling<T>): void {
    if (this.#open !== undefined) this.#commit(this.#open);
    let open: OpenBatch;
    try {
      open = this.#openBatch();
    } catch (error) {
      done.reject(this.#noteFault(error));
      return;
    }
    clearImmediate(open.turnEnd);
    const tx = this.#transaction(open);
    let slices: Slices<T> | undefined;
    this.#turns.hold((untilMs) => {
      const outcome = this.#run(open, tx, () => {
        slices ??= work(tx);
        for (;;) {
          const step = slices.next();
          if (step.done === true) return { value: step.value };
          if (this.#options.clock.monotonicMs() >= untilMs) return undefined;
        }
      });
      if (outcome === undefined) return false;
      open.settle.push(settling(outcome, done));
      this.#commit(open);
      return true;
    });
  }

  /** Undefined: there is more to do. */
  #run<T>(
    open: OpenBatch,
    tx: WriteTransaction,
    slice: () => { readonly value: T } | undefined,
  ): Outcome<T> | undefined {
    this.#isInWork = true;
    try {
      const done = slice();
      if (done === undefined) return undefined;
      assert(!(done.value instanceof Promise), "a work is synchronous");
      tx.release();
      return { kind: "returned", value: done.value };
    } catch (error) {
      this.#rollBackWork(open, tx);
      return { kind: "threw", error };
    } finally {
      this.#isInWork = false;
    }
  }

  /** What was accepted is committed. */
  async close(): Promise<void> {
    assert(!this.#isInWork, "a work does not close the writer");
    this.#isClosed = true;
    this.#closing.abort();
    while (this.#turns.parked !== undefined) await this.#turns.parked;
    this.#turns.finish();
    if (this.#open !== undefined) this.#commit(this.#open);
  }

  #openBatch({ isSynced } = { isSynced: true }): OpenBatch {
    if (this.#open !== undefined) return this.#open;
    const { clock, failpoint, working, checkpointer } = this.#options;
    failpoint("begin");
    checkpointer.requireSound();
    this.#sql.begin.run({ isSynced });
    const open: OpenBatch = {
      isSynced,
      batch: new Batch(working),
      settle: [],
      openedAtMs: clock.monotonicMs(),
      turnEnd: setImmediate(() => {
        if (this.#open === open) this.#commit(open);
      }),
      parts: undefined,
      failure: undefined,
    };
    this.#open = open;
    return open;
  }

  #isLarge(open: OpenBatch): boolean {
    return (
      open.failure !== undefined ||
      open.settle.length >= MAX_BATCH_WORKS ||
      this.#options.clock.monotonicMs() - open.openedAtMs >= MAX_BATCH_MS
    );
  }

  #rollBackWork(open: OpenBatch, tx: WriteTransaction): void {
    if (open.failure !== undefined) return;
    try {
      tx.rollBack();
    } catch (error) {
      // What the work did cannot be taken back alone, so nothing of the batch may stay.
      open.failure = this.#noteFault(error);
    }
  }

  #transaction(open: OpenBatch): WriteTransaction {
    open.parts ??= this.#parts.of(open);
    return new WriteTransaction(open.parts);
  }

  #commit(open: OpenBatch): void {
    const { batch, settle } = open;
    this.#open = undefined;
    clearImmediate(open.turnEnd);
    let failure = open.failure;
    const position = batch.wrote ? this.#batchPosition() : this.#position;
    try {
      if (failure === undefined) this.#end(batch, position);
    } catch (error) {
      failure = this.#noteFault(error);
    }
    if (failure === undefined) this.#publish(batch, position);
    else this.#abandon(batch, failure);
    for (const one of settle) one(position, failure);
    // Last: whatever becomes of it, everybody has been told. After a failure, folding the log may be what frees the space that was missing.
    if (failure !== undefined || batch.wrote || batch.trimmed) this.#options.checkpointer.schedule();
  }

  /** At or above every `_seq` of the batch, and above the batch before it. */
  #batchPosition(): Seq {
    return this.#seqs.last > this.#position ? this.#seqs.last : this.#seqs.next();
  }

  #end(batch: Batch, position: Seq): void {
    if (batch.wrote || batch.trimmed) this.#options.failpoint("commit");
    if (batch.wrote) this.#sql.putPosition.run(position);
    this.#sql.commit.run();
  }

  #publish(batch: Batch, position: Seq): void {
    const { committed, counts, expiry, log, failpoint } = this.#options;
    if (batch.wrote || batch.trimmed) failpoint("committed");
    if (!batch.wrote) return;
    batch.publish(committed, { counts, expiry });
    this.#position = position;
    const { changes, changedTables: catalogChanged, altered, droppedTables, emptied, redefinedViews } = batch;
    const event: CommitEvent = { position, changes, catalogChanged, altered, droppedTables, emptied, redefinedViews };
    this.#isPublishing = true;
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        // The commit stands; one listener's fault is not the writers' nor the other listeners'.
        log.error("commit listener failed", { error: errorText(error), position });
      }
    }
    this.#isPublishing = false;
  }

  #abandon(batch: Batch, failure: unknown): void {
    const { db, log } = this.#options;
    batch.rollBack();
    log.error("commit failed", { error: errorText(failure) });
    try {
      if (db.inTransaction) this.#sql.rollback.run();
    } catch (error) {
      log.error("rollback failed", { error: errorText(error) });
    }
  }

  /** On a full disk the reserve is given up, so that deletes and the checkpoint find room. A log that could not be synced is not written on. */
  #noteFault(error: unknown): unknown {
    if (isFull(error)) this.#options.ballast.release();
    if (isSyncFault(error)) this.#options.checkpointer.doubt();
    return toStorageError(error);
  }
}
