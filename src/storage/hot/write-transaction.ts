// One work's view of the open transaction. Before its first write it is noted what it would be taken back to, so that a work that only reads, or fails before it
// writes, costs nothing. After the transaction is lost (SQLite rolls all of it back on a full disk) every call fails: without that check the
// statements that follow would run, and commit, on their own.
import type { Database } from "bun:sqlite";
import { assert, DbError } from "../../base/errors.ts";
import { type Name, type Scope, type Seq, SHARED_SCOPE, type UserId } from "../../base/ids.ts";
import type { SeqGenerator } from "../../base/seq.ts";
import type { ApiKey } from "../../model/api-key.ts";
import type { AuditEntry } from "../../model/audit.ts";
import type { RowVersion } from "../../model/change.ts";
import type { JobRecord } from "../../model/job.ts";
import type { Column, TableIndex, TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue } from "../../model/sql-type.ts";
import type { Storage } from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import type { ViewSchema } from "../../model/view.ts";
import type { CatalogTransaction, TableDefinition, ViewDefinition } from "../catalog/catalog-transaction.ts";
import type { FileRecords } from "../files/file-records.ts";
import type {
  CatalogView,
  ExpiredRow,
  InspectedRows,
  NamespaceOptions,
  RowInspection,
  Segment,
  SegmentSwap,
  TableAlteration,
  WriteTx,
} from "../seams.ts";
import type { StreamTransaction } from "../stream/stream-transaction.ts";
import type { Batch, Mark } from "./batch.ts";
import type { BufferedRows } from "./buffered-rows.ts";
import type { Failpoint } from "./failpoint.ts";
import { addHotColumns } from "./hot-columns.ts";
import { dropUnnamed, ensureHotIndex } from "./hot-index.ts";
import { inspectRows } from "./inspect-rows.ts";
import type { Leftover, Leftovers, TrimStep } from "./leftovers.ts";
import { hotTableDdl, isInFile } from "./relation.ts";
import type { StatementCache } from "./statement-cache.ts";
import { bufferedUpTo, holdsAny, isWrittenAfter, trimDropped, trimFlushed } from "./trim.ts";
import type { WorkUndo } from "./work-undo.ts";

export interface WriteTransactionOptions {
  readonly db: Database;
  readonly undo: WorkUndo;
  readonly rows: BufferedRows;
  readonly statements: StatementCache;
  readonly files: FileRecords;
  readonly catalog: CatalogTransaction;
  readonly streams: StreamTransaction;
  readonly view: CatalogView;
  readonly batch: Batch;
  readonly leftovers: Leftovers;
  readonly seqs: SeqGenerator;
  /** Throws when the transaction is lost. */
  readonly requireOpen: () => void;
  /** Notes an error that may have ended the transaction; returns what to throw. */
  readonly failed: (error: unknown) => unknown;
  /** Throws STORAGE_FULL while there is no room for new rows. */
  readonly requireSpace: () => void;
  readonly failpoint: Failpoint;
}

export class WriteTransaction implements WriteTx {
  readonly #options: WriteTransactionOptions;
  readonly #mark: Mark;
  #hasWritten = false;
  #isOpen = true;
  #failure: unknown;

  constructor(options: WriteTransactionOptions) {
    this.#options = options;
    this.#mark = options.batch.mark();
  }

  get catalog(): CatalogView {
    return this.#options.view;
  }

  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined {
    return this.#run(() => {
      const { catalog, rows, streams } = this.#options;
      catalog.requireCurrent(table);
      return table.kind === "stream" ? streams.get(table, scope, key) : rows.get(table, scope, key);
    });
  }

  put(
    table: TableSchema,
    scope: Scope,
    cells: readonly Cell[],
    { deleted, before }: { readonly deleted: boolean; readonly before: RowVersion | undefined },
  ): RowVersion {
    if (table.kind === "stream")
      return this.#changeStream(table, (streams) => {
        assert(scope !== SHARED_SCOPE, "a row's scope fits its table's kind");
        if (!deleted && isInFile(table)) this.#options.requireSpace();
        return streams.put(table, scope, { cells, deleted, before });
      });
    return this.#changeRows(table, (rows) => rows.put(table, scope, { cells, deleted, before }));
  }

  replace(
    table: TableSchema,
    scope: Scope,
    found: Pick<RowVersion, "seq" | "cells">,
    version: Pick<RowVersion, "cells" | "deleted">,
  ): RowVersion | undefined {
    if (table.kind === "stream") return undefined;
    return this.#changeRows(table, (rows) => rows.replace(table, scope, found, version));
  }

  #changeRows<T>(table: TableSchema, change: (rows: BufferedRows) => T): T {
    return this.#write(() => {
      this.#options.catalog.requireCurrent(table);
      return change(this.#options.rows);
    });
  }

  /** Of a table that is in memory alone without a savepoint: no step of it is SQLite's to undo. */
  #changeStream<T>(table: TableSchema, change: (streams: StreamTransaction) => T): T {
    const step = (): T => {
      this.#options.catalog.requireCurrent(table);
      return change(this.#options.streams);
    };
    return isInFile(table) ? this.#write(step) : this.#run(step);
  }

  expireStreamRows(table: TableSchema, rows: readonly ExpiredRow[]): void {
    this.#changeStream(table, (streams) => streams.expire(table, rows));
  }

  withFiles<T>(step: (files: FileRecords) => T): T {
    return this.#write(() => step(this.#options.files));
  }

  all(sql: string, values: readonly SqliteValue[]): SqliteValue[][] {
    return this.#run(() => this.#options.statements.all(sql, values));
  }

  createNamespace(name: Name): void {
    this.#write(() => this.#options.catalog.createNamespace(name));
  }

  alterNamespace(name: Name, options: NamespaceOptions): void {
    this.#write(() => this.#options.catalog.alterNamespace(name, options));
  }

  dropNamespace(name: Name): void {
    this.#write(() => {
      for (const table of this.#options.catalog.tablesOfNamespace(name)) this.#drop(table);
      for (const view of this.catalog.views()) if (view.namespace === name) this.#options.catalog.deleteView(view);
      this.#options.catalog.deleteNamespace(name);
    });
  }

  putView(definition: ViewDefinition): ViewSchema {
    return this.#write(() => this.#options.catalog.putView(definition, this.#options.seqs.next()));
  }

  dropView(view: ViewSchema): void {
    this.#write(() => this.#options.catalog.deleteView(view));
  }

  createTable(definition: TableDefinition): TableSchema {
    return this.#write(() => {
      const schema = this.#options.catalog.createTable(definition, this.#options.seqs.next());
      if (isInFile(schema)) this.#options.db.run(hotTableDdl(schema));
      if (schema.kind === "stream") this.#options.streams.begin(schema);
      return schema;
    });
  }

  alterTable(current: TableSchema, change: TableAlteration): TableSchema {
    return this.#write(() => {
      const columns = this.#datedColumns(current, change.columns);
      const schema = this.#options.catalog.alterTable(current, { ...change, columns });
      const known = new Set(current.columns.map(({ id }) => id));
      if (!isInFile(schema)) return schema;
      const added = schema.columns.filter(({ id }) => !known.has(id));
      if (added.length > 0) addHotColumns(this.#options, schema, added);
      dropUnnamed(this.#options.db, current, schema);
      return schema;
    });
  }

  /** A name that is new to its column says from when on it means that column. */
  #datedColumns(current: TableSchema, columns: readonly Column[]): readonly Column[] {
    const names = new Map(current.columns.map(({ id, name }) => [id, name]));
    if (columns.every(({ id, name }) => names.get(id) === name)) return columns;
    const namedAtSeq = this.#options.seqs.next();
    return columns.map((column) => (names.get(column.id) === column.name ? column : { ...column, namedAtSeq }));
  }

  createIndex(table: TableSchema, index: TableIndex): TableSchema | undefined {
    return this.#write(() => {
      const { catalog, db, view } = this.#options;
      catalog.requireCurrent(table);
      assert(table.kind !== "stream", "rows in memory have no index");
      if (!ensureHotIndex(db, table, index)) return undefined;
      return catalog.putIndexes(table, [...(view.tableById(table.id)?.indexes ?? []), index]);
    });
  }

  dropIndex(table: TableSchema, name: Name): TableSchema {
    return this.#write(() => {
      const { catalog, db, view } = this.#options;
      const rest = (view.tableById(table.id)?.indexes ?? []).filter((index) => index.name !== name);
      const schema = catalog.putIndexes(table, rest);
      dropUnnamed(db, table, schema);
      return schema;
    });
  }

  inspectRows(table: TableSchema, request: RowInspection): InspectedRows {
    return inspectRows((sql, values) => this.all(sql, values), table, request);
  }

  dropTable(table: TableSchema): void {
    this.#write(() => {
      this.#options.catalog.requireCurrent(table);
      this.#drop(table);
    });
  }

  putUser(user: User): void {
    this.#write(() => this.#options.catalog.putUser(user));
  }

  appendAudit(entry: AuditEntry, keep: number): void {
    this.#write(() => this.#options.catalog.appendAudit(entry, keep));
  }

  deleteUser(id: UserId): void {
    this.#write(() => this.#options.catalog.deleteUser(id));
  }

  putApiKey(key: ApiKey, how: { readonly isNew: boolean }): void {
    this.#write(() => this.#options.catalog.putApiKey(key, how));
  }

  deleteApiKey(id: string): void {
    this.#write(() => this.#options.catalog.deleteApiKey(id));
  }

  putStorage(storage: Storage): void {
    this.#write(() => this.#options.catalog.putStorage(storage));
  }

  deleteStorage(id: string): void {
    this.#write(() => this.#options.catalog.deleteStorage(id));
  }

  putJob(job: JobRecord): void {
    this.#write(() => this.#options.catalog.putJob(job));
  }

  deleteJob(id: string): void {
    this.#write(() => this.#options.catalog.deleteJob(id));
  }

  commitSegment(segment: Omit<Segment, "id">): Segment {
    return this.#write(() => {
      const { batch, catalog, view, leftovers, statements } = this.#options;
      const table = view.tableById(segment.tableId);
      // Dropped while its rows were being written to the file: the file is an orphan, not a segment.
      if (table === undefined) throw new DbError("TABLE_NOT_FOUND", `Table ${segment.tableId} is gone`);
      const { scope, minSeq, maxSeq } = segment;
      const after = view.flushedUpTo(table.id, scope);
      // Purged, or flushed by somebody else, while they were being written to the file.
      if (minSeq <= after) throw new DbError("WRITE_CONFLICT", "The rows of the file are not buffered any more");
      const rows = bufferedUpTo(statements, { table, scope, after, upTo: maxSeq });
      if (rows > 0) batch.count({ kind: "rows", table: table.id, scope, by: -rows });
      leftovers.addFlushed(table.id, scope);
      return catalog.addSegment(segment);
    });
  }

  replaceSegments(swap: SegmentSwap): readonly Segment[] {
    return this.#write(() => {
      const { catalog, view } = this.#options;
      // Dropped during the merge: the new files are orphans.
      if (view.tableById(swap.table) === undefined) throw new DbError("TABLE_NOT_FOUND", `Table ${swap.table} is gone`);
      return catalog.replaceSegments(swap);
    });
  }

  emptyScope(table: TableSchema, scope: Scope): readonly Segment[] {
    if (table.kind === "stream") {
      this.#changeStream(table, (streams) => streams.purge(table, scope));
      this.#options.batch.count({ kind: "scopeEmptied", table: table.id, scope });
      return [];
    }
    return this.#write(() => {
      const { batch, catalog, view, leftovers, seqs } = this.#options;
      const segments = view.segments(table.id, scope);
      batch.count({ kind: "scopeEmptied", table: table.id, scope });
      leftovers.addFlushed(table.id, scope);
      catalog.purgeScope({ table: table.id, scope, startsAt: seqs.next() });
      return segments;
    });
  }

  isWrittenAfter(table: TableSchema, scope: Scope, position: Seq): boolean {
    const { statements, streams, view } = this.#options;
    if (table.kind === "stream") return streams.isWrittenAfter(table, scope, position);
    return this.#run(() => isWrittenAfter({ statements, view }, { table, scope, after: position }));
  }

  purgeScope(table: TableSchema, scope: Scope): readonly Segment[] {
    if (table.kind === "stream") return this.emptyScope(table, scope);
    const { statements, view } = this.#options;
    return this.#run(() => holdsAny({ statements, view }, table, scope)) ? this.emptyScope(table, scope) : [];
  }

  trim(leftover: Leftover, maxRows: number): TrimStep {
    return this.#write(() => {
      const { batch, catalog, db, view, statements, failpoint } = this.#options;
      failpoint("trim");
      const table = view.tableById(leftover.table);
      // A drop that was rolled back leaves its table; a flushed table that was dropped since is left over as a whole, under an entry of its own.
      if ((leftover.kind === "dropped") === (table !== undefined)) return { rest: undefined, rows: 0 };
      batch.trim();
      if (leftover.kind === "dropped") return trimDropped({ db, catalog, leftover, maxRows });
      assert(table !== undefined, "its kind says that the table is there");
      const upTo = view.flushedUpTo(table.id, leftover.scope);
      return trimFlushed({ db, statements, table, leftover, upTo, maxRows });
    });
  }

  /**
   * The work returned: keeps what it did. Throws if SQLite refused one of its steps, even when the work caught that error: a step may consist of
   * several statements, and half of one must not stay.
   */
  release(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isOpen = false;
    if (this.#hasWritten) this.#options.undo.release();
  }

  /** The work threw: takes back what it did, and nothing else. */
  rollBack(): void {
    this.#isOpen = false;
    this.#options.batch.rollBackTo(this.#mark);
    if (this.#hasWritten) this.#options.undo.rollBack();
  }

  #drop(table: TableSchema): void {
    const { batch, catalog, leftovers } = this.#options;
    catalog.deleteTable(table);
    if (table.kind === "stream") {
      batch.changeStream({ kind: "table", table: table.id, rows: undefined });
      if (!isInFile(table)) return;
      this.#options.streams.forgetFloor(table);
    }
    leftovers.addDropped(table.id);
    batch.count({ kind: "tableDropped", table: table.id });
  }

  #run<T>(step: () => T): T {
    assert(this.#isOpen, "a transaction is used only inside its work");
    this.#options.requireOpen();
    try {
      return step();
    } catch (error) {
      const failure = this.#options.failed(error);
      if (!(error instanceof DbError)) this.#failure ??= failure;
      throw failure;
    }
  }

  #write<T>(step: () => T): T {
    return this.#run(() => {
      if (!this.#hasWritten) {
        this.#options.undo.open();
        this.#hasWritten = true;
      }
      this.#options.failpoint("write");
      return step();
    });
  }
}
