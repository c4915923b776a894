// The interfaces between the store and the rest of the process. `store.ts` implements them over one SQLite file.
import type { Name, Scope, Seq, TableId, UserId } from "../base/ids.ts";
import type { ApiKey } from "../model/api-key.ts";
import type { AuditEntry } from "../model/audit.ts";
import type { Change, RowVersion } from "../model/change.ts";
import type { JobRecord } from "../model/job.ts";
import type { TableIndex, TableSchema } from "../model/schema.ts";
import type { Cell, SqliteValue } from "../model/sql-type.ts";
import type { Storage } from "../model/storage.ts";
import type { User } from "../model/user.ts";
import type { ViewSchema } from "../model/view.ts";
import type { FileRecords } from "./files/file-records.ts";
import type { Leftover, TrimStep } from "./hot/leftovers.ts";

/** What administrators note about a namespace. It means nothing to the server. */
export type NamespaceOptions = Readonly<Record<string, string | number | boolean>>;

export interface Namespace {
  readonly name: Name;
  readonly createdAtMs: number;
  /** Absent: none. */
  readonly options?: NamespaceOptions;
}

/** One immutable Parquet file of one scope. */
export interface Segment {
  readonly id: number;
  readonly tableId: TableId;
  readonly scope: Scope;
  /** Key of its file; `@id/` before it names the storage it is in when that is not `local`. */
  readonly path: string;
  readonly schemaVersion: number;
  readonly rows: number;
  /** Of the rows; undefined in files that were made before they were counted. */
  readonly tombstones?: number | undefined;
  readonly bytes: number;
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  /** SQLite forms of the smallest and largest key, for pruning. */
  readonly minKey: SqliteValue;
  readonly maxKey: SqliteValue;
  readonly createdAtMs: number;
}

export interface SegmentSwap {
  readonly table: TableId;
  readonly scope: Scope;
  readonly removed: readonly Segment[];
  /** Of each key of the removed ones the newest version, less the tombstones that were purged. */
  readonly added: readonly Omit<Segment, "id">[];
  /** `_seq` of the newest tombstone that was purged. */
  readonly purgedUpTo: Seq | undefined;
}

/** Committed metadata, held in memory; every read is synchronous and cheap. */
export interface CatalogView {
  /** Grows with every DDL commit; part of every plan-cache key. */
  readonly version: number;
  namespace(name: string): Namespace | undefined;
  namespaces(): readonly Namespace[];
  table(namespace: string, name: string): TableSchema | undefined;
  tableById(id: TableId): TableSchema | undefined;
  tables(): readonly TableSchema[];
  /** The versions a table has had, oldest first, the current one last; the newest 1,000. */
  tableVersions(id: TableId): readonly TableSchema[];
  view(namespace: string, name: string): ViewSchema | undefined;
  views(): readonly ViewSchema[];
  storage(id: string): Storage | undefined;
  /** `local` first, then by id. */
  storages(): readonly Storage[];
  user(id: UserId): User | undefined;
  users(): readonly User[];
  apiKey(id: string): ApiKey | undefined;
  apiKeys(): readonly ApiKey[];
  segments(table: TableId, scope: Scope): readonly Segment[];
  allSegments(): readonly Segment[];
  segmentsOfTable(table: TableId): readonly Segment[];
  /** Scopes of a table that have, or had, segments. */
  flushedScopes(table: TableId): readonly Scope[];
  /** Id of the scope's newest segment, 0 while it has none: ids rise, so what was read from Parquet under one version is true until the next. */
  segmentsVersion(table: TableId, scope: Scope): number;
  /** Every version of the scope at or below this position is in its segments, or replaced by a newer one; 0 while it has none. */
  flushedUpTo(table: TableId, scope: Scope): Seq;
  /**
   * Of every key of the scope that changed above this position, the newest version is still stored, ends of rows included: nothing above it was purged. Grows in the
   * tick of the commit that purges; 0 while nothing was.
   */
  historyStartsAt(table: TableId, scope: Scope): Seq;
  /** Newest first. */
  jobs(): readonly JobRecord[];
  job(id: string): JobRecord | undefined;
}

/** What may differ between two versions of a table. */
export type TableAlteration = Pick<TableSchema, "columns" | "keyIndex" | "options" | "lastColumnId" | "indexes">;

/** One version of a row of a STREAM table. */
export interface ExpiredRow {
  readonly scope: Scope;
  readonly key: string;
  readonly seq: Seq;
}

export interface RowInspection {
  /** Exclusive. */
  readonly after: Seq;
  /** Ids of columns to look for NULL in. */
  readonly columns: readonly number[];
  readonly limit: number;
}

export interface InspectedRows {
  /** Position of the last row looked at; undefined when fewer than `limit` were left. */
  readonly through: Seq | undefined;
  readonly hasLiveRow: boolean;
  /** Columns that are NULL in some live row. */
  readonly nulls: ReadonlySet<number>;
}

/** Inside one savepoint of the open group transaction. Never kept past the callback. */
export interface WriteTx {
  /** Records of uploaded files; those of rows are kept by `put`. */
  withFiles<T>(step: (files: FileRecords) => T): T;
  /** Newest buffered version of a key, tombstones included, as this transaction sees it. Not one that a segment holds. */
  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined;
  /** Writes a new version under a new `_seq` and records the change. `before` is the live version it replaces. */
  put(
    table: TableSchema,
    scope: Scope,
    cells: readonly Cell[],
    options: { readonly deleted: boolean; readonly before: RowVersion | undefined },
  ): RowVersion;
  /**
   * As `put`, in place of the live version that a query found, whose key it keeps. Undefined, and nothing is written: the buffer does not have that version, or not
   * any more. For rows of a STREAM table always: they are in memory, where `get` costs nothing.
   */
  replace(
    table: TableSchema,
    scope: Scope,
    found: Pick<RowVersion, "seq" | "cells">,
    version: Pick<RowVersion, "cells" | "deleted">,
  ): RowVersion | undefined;
  /** Runs rendered SQL on the writer's connection; sees this transaction's writes. Wide integers come as bigint. */
  all(sql: string, values: readonly SqliteValue[]): SqliteValue[][];
  /** Catalog as this transaction sees it. */
  readonly catalog: CatalogView;
  createNamespace(name: Name): void;
  /** Adds options to those it has; one that is there takes the new value. */
  alterNamespace(name: Name, options: NamespaceOptions): void;
  /** With its tables and views. */
  dropNamespace(name: Name): void;
  /** Assigns id and timestamps, creates the hot table. */
  createTable(definition: Omit<TableSchema, "id" | "version" | "createdAtMs" | "updatedAtMs">): TableSchema;
  /** Makes the next version of a table and gives the buffer the columns it lacks. Takes the same time however many rows there are. */
  alterTable(current: TableSchema, change: TableAlteration): TableSchema;
  /**
   * Adds an index to the table's definition, of the same version, and builds it over the buffered rows if they are few. Undefined: they are many, and nothing was
   * done; it is to be built beside the writer first, and this called again.
   */
  createIndex(table: TableSchema, index: TableIndex): TableSchema | undefined;
  /** Takes an index out of the definition. Where the buffered rows are many it stays in the file until it is swept out. */
  dropIndex(table: TableSchema, name: Name): TableSchema;
  /** Looks at the buffered rows above a position, whoever owns them, oldest first: for conditions that a whole table must satisfy. */
  inspectRows(table: TableSchema, request: RowInspection): InspectedRows;
  /** Takes the table out of the catalog; `trim` removes its rows. */
  dropTable(table: TableSchema): void;
  /** Makes the view, or gives the one of its name another definition. */
  putView(definition: Omit<ViewSchema, "createdAtMs" | "updatedAtMs">): ViewSchema;
  dropView(view: ViewSchema): void;
  /** Ends rows of a STREAM table whose time has come. */
  expireStreamRows(table: TableSchema, rows: readonly ExpiredRow[]): void;
  putUser(user: User): void;
  /** Keeps the newest `keep` entries. */
  appendAudit(entry: AuditEntry, keep: number): void;
  /** With the API keys that speak for the user. */
  deleteUser(id: UserId): void;
  /** Of one that is not new, nothing when it is gone: to have been used brings no key back. */
  putApiKey(key: ApiKey, how: { readonly isNew: boolean }): void;
  deleteApiKey(id: string): void;
  putStorage(storage: Storage): void;
  deleteStorage(id: string): void;
  putJob(job: JobRecord): void;
  /** Forgets the row of a job that has ended. */
  deleteJob(id: string): void;
  /** The commit half of a flush: segment added. The scope's versions with `_seq` <= segment.maxSeq are buffered no more; `trim` removes them. */
  commitSegment(segment: Omit<Segment, "id">): Segment;
  /** The commit half of a compaction: segments of a scope out, what was made of them in. Changes no row, no position of a row and no count. */
  replaceSegments(swap: SegmentSwap): readonly Segment[];
  /**
   * Everything of a scope goes, for all readers at once and in the same time however much it is: `trim` removes the rows, the caller the files of the segments it
   * answers with, and lets go of uploaded files (`releaseFiles`). A cursor of the scope means nothing from here on; `CommitEvent.emptied` tells who is subscribed.
   */
  emptyScope(table: TableSchema, scope: Scope): readonly Segment[];
  /** Whether a version of the scope has a higher position. Looks at what anybody wrote to the table after it. */
  isWrittenAfter(table: TableSchema, scope: Scope, position: Seq): boolean;
  /** The same as `emptyScope`, and nothing where there is nothing. */
  purgeScope(table: TableSchema, scope: Scope): readonly Segment[];
  /** Removes a part of what is in the file and not in the database, looking at `maxRows` rows at most. */
  trim(leftover: Leftover, maxRows: number): TrimStep;
}

/** What statements that write rows use of a transaction. */
export type RowTx = Pick<WriteTx, "get" | "put" | "replace" | "all" | "catalog">;

export interface Committed<T> {
  readonly value: T;
  /** Position of the commit that made it durable; at or above every `_seq` the work wrote. */
  readonly position: Seq;
}

/** The rows of one user in a table, or of a SHARED table. */
export interface TableScope {
  readonly table: TableId;
  readonly scope: Scope;
}

export interface CommitEvent {
  readonly position: Seq;
  /** In `_seq` order. A request's changes are consecutive. */
  readonly changes: readonly Change[];
  /** Whether namespaces or tables changed, that is, whether `CatalogView.version` grew. */
  readonly catalogChanged: boolean;
  /** New versions of tables, the newest of each. Every change of the commit was made under an older one. */
  readonly altered: readonly TableSchema[];
  readonly droppedTables: readonly TableSchema[];
  /** Scopes of which everything before the commit is gone, without a change for each row. */
  readonly emptied: readonly TableScope[];
  /** `namespace.name` of every view that has another text from now on, or is gone. */
  readonly redefinedViews: readonly string[];
}

/** Yields where it can be interrupted. */
export type Slices<T> = Generator<undefined, T, undefined>;

export interface Writer {
  /**
   * Runs `work` now (unless a work in slices is under way), inside the turn's transaction and a savepoint of its own; resolves once that transaction is durable. A throw rolls back this
   * work alone and rejects; a failed COMMIT rejects every work of the turn.
   */
  submit<T>(work: (tx: WriteTx) => T): Promise<Committed<T>>;
  /**
   * The same for a work that would hold the loop for long: it gives way between its steps, in a transaction of its own. Works submitted meanwhile run, in their
   * order, when it has ended; too many of them are refused with SERVER_BUSY.
   */
  submitInSlices<T>(work: (tx: WriteTx) => Slices<T>): Promise<Committed<T>>;
  /** Called after the sync, before any submitter's promise runs on. In registration order. */
  onCommit(listener: (event: CommitEvent) => void): void;
  /** Last committed position. */
  readonly position: Seq;
  /** Versions of a table that no segment holds, tombstones included. Kept exact in memory. */
  bufferedRows(table: TableId, scope?: Scope): number;
  /** Scopes of a table that have buffered rows. */
  bufferedScopes(table: TableId): readonly Scope[];
  /** Commits what is open, then closes for good; later submits reject with SHUTTING_DOWN. */
  close(): Promise<void>;
}

export interface ScopedVersion {
  readonly scope: Scope;
  readonly version: RowVersion;
}

/** Committed reads on the main thread, for point plans only. */
export interface PointReader {
  /** Newest committed version of a key that no segment holds, tombstones included. */
  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined;
  /** The newest buffered versions of all scopes at or below a position, newest first, tombstones included. Bounded by `limit`, whatever the table holds. */
  newest(table: TableSchema, bounds: { readonly upTo: Seq; readonly limit: number }): readonly ScopedVersion[];
  /** Runs rendered SQL; positional rows. Statements are cached by text. */
  all(sql: string, values: readonly SqliteValue[]): SqliteValue[][];
}

/** Rows of STREAM tables: committed, in memory, gone after a restart. */
export interface StreamView {
  /** What is within the table's window, by ascending `_seq`; tombstones included. At most a few thousand. */
  versions(table: TableSchema, scope: Scope): readonly RowVersion[];
  /** A cursor below it means nothing: ends of rows before were forgotten. */
  floor(table: TableSchema): Seq;
  /** Of all users, tombstones included. */
  rowCount(table: TableSchema): number;
  /** Call on a timer: ends what is past its window, in the writer's order, so that subscribers learn of it. When memory runs short, forgets what it can as well. */
  expire(): Promise<void>;
  /** Whether ends of rows have been kept long enough. */
  hasForgettable(): boolean;
  /** Forgets some of them in one commit and answers how many; 0 when none are left. `step` runs what keeps this thread busy. */
  forget(step: (work: () => void) => void): Promise<number>;
}
