// What the transactions of a batch's works are made of: statements that last as long as the writer, and for each batch what notes its changes.
import type { Database } from "bun:sqlite";
import type { Clock } from "../../base/clock.ts";
import type { SeqGenerator } from "../../base/seq.ts";
import { CatalogTransaction } from "../catalog/catalog-transaction.ts";
import { CatalogWriter } from "../catalog/catalog-writer.ts";
import { FileRecords } from "../files/file-records.ts";
import { StreamFloors } from "../stream/persisted-rows.ts";
import type { StreamLimits } from "../stream/stream-limits.ts";
import { StreamTransaction } from "../stream/stream-transaction.ts";
import type { Ballast } from "./ballast.ts";
import type { BatchState } from "./batch.ts";
import { BufferedRows } from "./buffered-rows.ts";
import type { Failpoint } from "./failpoint.ts";
import type { Leftovers } from "./leftovers.ts";
import type { OpenBatch } from "./open-batch.ts";
import { RowStatements } from "./row-statements.ts";
import { StatementCache } from "./statement-cache.ts";
import { noRoom } from "./storage-error.ts";
import type { TransactionStatements } from "./transaction-statements.ts";
import { workUndo } from "./work-undo.ts";
import type { WriteTransactionOptions } from "./write-transaction.ts";

const MAX_STATEMENTS = 200;

export interface BatchPartsOptions {
  readonly db: Database;
  readonly sql: TransactionStatements;
  readonly clock: Clock;
  readonly failpoint: Failpoint;
  /** The writer's own copy. */
  readonly working: BatchState;
  /** Of the catalog that everybody reads at the start. */
  readonly catalogVersion: number;
  readonly streamLimits: StreamLimits;
  readonly leftovers: Leftovers;
  readonly ballast: Ballast;
  readonly seqs: SeqGenerator;
  /** Notes an error that may have ended the transaction; returns what to throw. */
  readonly noteFault: (error: unknown) => unknown;
}

export class BatchParts {
  readonly #options: BatchPartsOptions;
  readonly #rows: RowStatements;
  readonly #floors: StreamFloors;
  readonly #statements: StatementCache;
  readonly #catalogRows: CatalogWriter;
  readonly #files: FileRecords;
  #catalogVersion: number;

  constructor(options: BatchPartsOptions) {
    const { db } = options;
    this.#options = options;
    this.#rows = new RowStatements(db);
    this.#floors = new StreamFloors(db);
    this.#statements = new StatementCache(db, { capacity: MAX_STATEMENTS, safeIntegers: true });
    this.#catalogRows = new CatalogWriter(db);
    this.#files = new FileRecords(db);
    this.#catalogVersion = options.catalogVersion;
  }

  of(open: OpenBatch): WriteTransactionOptions {
    const { db, sql, working, leftovers, ballast, failpoint, seqs, noteFault } = this.#options;
    const { batch } = open;
    const requireSpace = (): void => {
      if (!ballast.ensure()) throw noRoom();
    };
    const backend = this.#rows;
    const files = this.#files;
    const view = working.catalog;
    return {
      db,
      undo: workUndo(sql, open),
      rows: new BufferedRows({ backend, batch, view, files, leftovers, seqs, requireSpace }),
      statements: this.#statements,
      files,
      catalog: this.#catalogOf(open),
      streams: this.#streamsOf(open),
      view,
      batch,
      leftovers,
      seqs,
      requireOpen: () => {
        if (open.failure !== undefined) throw open.failure;
      },
      failed: (error) => {
        const failure = noteFault(error);
        if (!db.inTransaction) open.failure ??= failure;
        return failure;
      },
      requireSpace,
      failpoint,
    };
  }

  #catalogOf({ batch }: OpenBatch): CatalogTransaction {
    const { clock, working } = this.#options;
    return new CatalogTransaction({
      rows: this.#catalogRows,
      state: working.catalog,
      record: (change) => batch.changeCatalog(change),
      nextVersion: () => {
        this.#catalogVersion += 1;
        return this.#catalogVersion;
      },
      nowMs: () => clock.nowMs(),
    });
  }

  #streamsOf({ batch }: OpenBatch): StreamTransaction {
    const { clock, working, seqs, streamLimits } = this.#options;
    return new StreamTransaction({
      rows: working.streams,
      file: this.#rows,
      floors: this.#floors,
      batch,
      seqs,
      limits: streamLimits,
      nowMs: () => clock.nowMs(),
    });
  }
}
