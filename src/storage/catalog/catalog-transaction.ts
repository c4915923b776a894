// What a write may do to the catalog: the rules (does the namespace exist, is the name free), the row, and the change to the writer's own
// view of it. Each change is handed to `record`, which knows how to undo it.

import { assert, DbError } from "../../base/errors.ts";
import type { Name, Seq, TableId, UserId } from "../../base/ids.ts";
import type { ApiKey } from "../../model/api-key.ts";
import type { AuditEntry } from "../../model/audit.ts";

import { isFinished, type JobRecord } from "../../model/job.ts";
import { qualifiedName, type TableIndex, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { Storage } from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import type { ViewSchema } from "../../model/view.ts";
import type { NamespaceOptions, Segment, SegmentSwap, TableAlteration } from "../seams.ts";
import type { CatalogChange, CatalogState, HistoryStart } from "./catalog-state.ts";
import type { CatalogWriter } from "./catalog-writer.ts";

/** Jobs kept in history; with one more, the oldest finished one is forgotten. */
export const MAX_JOBS = 10_000;
/** Versions of a table kept in its history; with one more, the oldest is forgotten. No file needs them to be read. */
export const MAX_TABLE_VERSIONS = 1_000;

export type ViewDefinition = Omit<ViewSchema, "createdAtMs" | "updatedAtMs" | "definedAtSeq">;
export type TableDefinition = Omit<TableSchema, "id" | "version" | "createdAtSeq" | "createdAtMs" | "updatedAtMs">;

export interface CatalogTransactionOptions {
  readonly rows: CatalogWriter;
  /** The writer's view, which `record` brings forward. */
  readonly state: CatalogState;
  readonly record: (change: CatalogChange) => void;
  /** Never gives a number twice, so that a plan made in a batch that rolled back cannot pass for a later one. */
  readonly nextVersion: () => number;
  readonly nowMs: () => number;
}

export class CatalogTransaction {
  readonly #options: CatalogTransactionOptions;

  constructor(options: CatalogTransactionOptions) {
    this.#options = options;
  }

  createNamespace(name: Name): void {
    const { rows, state, record, nextVersion, nowMs } = this.#options;
    if (state.namespace(name) !== undefined) {
      throw new DbError("ALREADY_EXISTS", `Namespace '${name}' already exists`);
    }
    const namespace = { name, createdAtMs: nowMs() };
    rows.insertNamespace(namespace);
    record({ kind: "namespace", name, record: namespace, version: nextVersion() });
  }

  alterNamespace(name: Name, options: NamespaceOptions): void {
    const { rows, state, record, nextVersion } = this.#options;
    const current = state.namespace(name);
    if (current === undefined) throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${name}' does not exist`);
    const namespace = { ...current, options: { ...current.options, ...options } };
    rows.putNamespaceOptions(namespace);
    record({ kind: "namespace", name, record: namespace, version: nextVersion() });
  }

  /** Its tables must be gone already. */
  deleteNamespace(name: Name): void {
    const { rows, record, nextVersion } = this.#options;
    rows.deleteNamespace(name);
    record({ kind: "namespace", name, record: undefined, version: nextVersion() });
  }

  tablesOfNamespace(name: Name): readonly TableSchema[] {
    const { state } = this.#options;
    if (state.namespace(name) === undefined) {
      throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${name}' does not exist`);
    }
    return state.tables().filter((table) => table.namespace === name);
  }

  createTable(definition: TableDefinition, createdAtSeq: Seq): TableSchema {
    const { rows, state, record, nextVersion, nowMs } = this.#options;
    const { namespace, name, kind, columns, keyIndex, options } = definition;
    if (state.namespace(namespace) === undefined) {
      throw new DbError(
        "NAMESPACE_NOT_FOUND",
        `Namespace '${namespace}' does not exist. Create it first with CREATE NAMESPACE ${namespace}`,
      );
    }
    if (state.table(namespace, name) !== undefined) {
      throw new DbError("ALREADY_EXISTS", `Table ${qualifiedName(definition)} already exists`);
    }
    if (state.view(namespace, name) !== undefined) {
      throw new DbError("ALREADY_EXISTS", `${qualifiedName(definition)} is a view`);
    }
    assert(columns[keyIndex] !== undefined, "a table has a key column");
    const now = nowMs();
    const id = rows.insertTable(namespace, name);
    const times = { createdAtSeq, createdAtMs: now, updatedAtMs: now };
    const schema: TableSchema = { id, namespace, name, kind, columns, keyIndex, version: 1, options, ...times };
    rows.insertTableVersion(schema);
    record({ kind: "table", id, record: schema, versions: [schema], version: nextVersion() });
    return schema;
  }

  /** The next version of a table: same id, name, kind and key. */
  alterTable(current: TableSchema, change: TableAlteration): TableSchema {
    const { rows, state, record, nextVersion, nowMs } = this.#options;
    this.requireCurrent(current);
    // An index may have come since the caller looked the table up.
    const known = state.tableById(current.id) ?? current;
    const schema: TableSchema = { ...known, ...change, version: current.version + 1, updatedAtMs: nowMs() };
    assert(schema.columns[schema.keyIndex] !== undefined, "a table has a key column");
    rows.putTableVersion(schema);
    const versions = [...state.tableVersions(current.id), schema];
    const forgotten = versions.length > MAX_TABLE_VERSIONS ? versions.shift() : undefined;
    if (forgotten !== undefined) rows.deleteTableVersion(forgotten);
    record({ kind: "table", id: current.id, record: schema, versions, version: nextVersion() });
    return schema;
  }

  /** What its indexes are, without a new version. */
  putIndexes(current: TableSchema, indexes: readonly TableIndex[]): TableSchema {
    const { rows, state, record, nextVersion, nowMs } = this.#options;
    this.requireCurrent(current);
    const { indexes: _before, ...rest } = state.tableById(current.id) ?? current;
    const schema: TableSchema = { ...rest, ...(indexes.length === 0 ? {} : { indexes }), updatedAtMs: nowMs() };
    rows.replaceTableVersion(schema);
    const versions = [...state.tableVersions(current.id).slice(0, -1), schema];
    record({ kind: "table", id: current.id, record: schema, versions, version: nextVersion() });
    return schema;
  }

  /** Its segments leave the view with it and the files become orphans for the sweep; their rows, like the buffered ones, are removed later. */
  deleteTable(schema: TableSchema): void {
    const { rows, record, nextVersion } = this.#options;
    rows.deleteTable(schema.id);
    record({ kind: "segmentsOfTable", table: schema.id, scopes: undefined });
    record({ kind: "table", id: schema.id, record: undefined, versions: [], version: nextVersion() });
  }

  /** At most `limit` rows; returns how many. */
  deleteSegmentsOfDropped(table: TableId, limit: number): number {
    const { rows, state } = this.#options;
    assert(state.tableById(table) === undefined, "only a dropped table loses its segments");
    return rows.deleteTableSegments(table, limit);
  }

  /** Refuses a table that is gone, or whose definition has changed since the caller looked it up. */
  requireCurrent(schema: TableSchema): void {
    const current = this.#options.state.tableById(schema.id);
    if (current === schema || current?.version === schema.version) return;
    if (current === undefined) {
      throw new DbError("TABLE_NOT_FOUND", `Table '${schema.name}' not found in namespace '${schema.namespace}'`);
    }
    throw new DbError("WRITE_CONFLICT", `Table ${qualifiedName(schema)} was altered at the same time; try again`);
  }

  /** Makes the view, or the next definition of one that is there. */
  putView(definition: ViewDefinition, definedAtSeq: Seq): ViewSchema {
    const { rows, state, record, nextVersion, nowMs } = this.#options;
    const { namespace, name } = definition;
    if (state.namespace(namespace) === undefined) {
      throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${namespace}' does not exist`);
    }
    const full = qualifiedName(definition);
    if (state.table(namespace, name) !== undefined) throw new DbError("ALREADY_EXISTS", `${full} is a table`);
    const now = nowMs();
    const view = {
      ...definition,
      definedAtSeq,
      createdAtMs: state.view(namespace, name)?.createdAtMs ?? now,
      updatedAtMs: now,
    };
    rows.putView(view);
    record({ kind: "view", name: full, record: view, version: nextVersion() });
    return view;
  }

  deleteView(view: ViewSchema): void {
    const { rows, record, nextVersion } = this.#options;
    rows.deleteView(view);
    record({ kind: "view", name: qualifiedName(view), record: undefined, version: nextVersion() });
  }

  putUser(user: User): void {
    this.#options.rows.putUser(user);
    this.#options.record({ kind: "user", id: user.id, record: { ...user } });
  }

  appendAudit(entry: AuditEntry, keep: number): void {
    this.#options.rows.appendAudit(entry, keep);
  }

  putApiKey(key: ApiKey, { isNew }: { readonly isNew: boolean }): void {
    if (!isNew && this.#options.state.apiKey(key.id) === undefined) return;
    this.#options.rows.putApiKey(key);
    this.#options.record({ kind: "apiKey", id: key.id, record: { ...key } });
  }

  deleteApiKey(id: string): void {
    this.#options.rows.deleteApiKey(id);
    this.#options.record({ kind: "apiKey", id, record: undefined });
  }

  putStorage(storage: Storage): void {
    this.#options.rows.putStorage(storage);
    this.#options.record({ kind: "storage", id: storage.id, record: { ...storage } });
  }

  deleteStorage(id: string): void {
    this.#options.rows.deleteStorage(id);
    this.#options.record({ kind: "storage", id, record: undefined });
  }

  deleteUser(id: UserId): void {
    const { rows, state, record } = this.#options;
    for (const key of state.apiKeys()) if (key.user === id) this.deleteApiKey(key.id);
    rows.deleteUser(id);
    record({ kind: "user", id, record: undefined });
  }

  deleteJob(id: string): void {
    const { rows, state, record } = this.#options;
    const job = state.job(id);
    if (job === undefined) return;
    assert(isFinished(job), "only a job that has ended is forgotten");
    rows.deleteJob(id);
    record({ kind: "job", id, record: undefined });
  }

  putJob(job: JobRecord): void {
    const { rows, state, record } = this.#options;
    rows.putJob(job);
    record({ kind: "job", id: job.id, record: { ...job } });
    if (state.jobCount <= MAX_JOBS) return;
    const oldest = state.jobsByAge().find(isFinished);
    if (oldest === undefined) return;
    rows.deleteJob(oldest.id);
    record({ kind: "job", id: oldest.id, record: undefined });
  }

  addSegment(segment: Omit<Segment, "id">): Segment {
    const { rows, record } = this.#options;
    const keys = { minKey: exact(segment.minKey), maxKey: exact(segment.maxKey) };
    const id = rows.insertSegment({ ...segment, ...keys });
    const added = { ...segment, ...keys, id };
    record({ kind: "segmentAdded", segment: added });
    return added;
  }

  /** Refuses when one of the replaced is gone already. What was flushed up to a position stays flushed up to there. */
  replaceSegments({ table, scope, removed, added, purgedUpTo }: SegmentSwap): readonly Segment[] {
    const { rows, state, record } = this.#options;
    const before = state.flushedUpTo(table, scope);
    const present = new Set(state.segments(table, scope).map(({ id }) => id));
    for (const segment of removed) {
      if (!present.has(segment.id)) throw new DbError("WRITE_CONFLICT", `Segment ${segment.path} is gone`);
      rows.deleteSegment(segment.id);
      record({ kind: "segmentRemoved", segment });
    }
    const result = added.map((segment) => this.addSegment(segment));
    if (purgedUpTo !== undefined && purgedUpTo > state.historyStartsAt(table, scope)) {
      const start = { table, scope, startsAt: purgedUpTo };
      rows.putHistoryStart(start);
      record({ kind: "historyStart", start });
    }
    assert(state.flushedUpTo(table, scope) === before, "a merge neither flushes nor buffers anything");
    return result;
  }

  /** The scope holds nothing at or below the position, and remembers nothing of it. */
  purgeScope(start: HistoryStart): void {
    const { rows, state, record } = this.#options;
    for (const segment of state.segments(start.table, start.scope)) {
      rows.deleteSegment(segment.id);
      record({ kind: "segmentRemoved", segment });
    }
    rows.putHistoryStart(start);
    record({ kind: "historyStart", start });
  }
}

/** Whole keys are bigint, as they are after the next start. */
function exact(key: SqliteValue): SqliteValue {
  return typeof key === "number" && Number.isInteger(key) ? BigInt(key) : key;
}
