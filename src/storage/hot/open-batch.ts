import type { Batch } from "./batch.ts";
import type { Settle } from "./settling.ts";
import type { WriteTransactionOptions } from "./write-transaction.ts";

/** A batch between its BEGIN and its COMMIT. */
export interface OpenBatch {
  /** Its COMMIT, unless `durability` says otherwise. */
  readonly isSynced: boolean;
  readonly batch: Batch;
  /** What to do for each work once the outcome of the batch is known; `failure` is a failed commit. */
  readonly settle: Settle[];
  readonly openedAtMs: number;
  readonly turnEnd: ReturnType<typeof setImmediate>;
  /** What the transactions of all its works are made of. */
  parts: WriteTransactionOptions | undefined;
  /** Set when SQLite gave up the whole transaction. */
  failure: unknown;
}
