// One read-only connection of a query process and the queries that run on it. Each query reads one committed state: position, segments and buffered rows come
// out of the same transaction.
import { DatabaseSync } from "node:sqlite";
import { assert, DbError } from "../../base/errors.ts";
import { type Seq, seqOf } from "../../base/ids.ts";
import { keyColumn, qualifiedName } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { decodeStorage } from "../../storage/catalog/storage-definition.ts";
import type { ScopeTarget, SegmentRef } from "../../storage/cold/segment-cache.ts";
import { hotIndexName } from "../../storage/hot/hot-index.ts";
import { hotTableName, isScopedByUser } from "../../storage/hot/relation.ts";
import { RoutedStore } from "../../storage/objects/routed-store.ts";
import { locationOf, type StorageAccess } from "../../storage/objects/storage-access.ts";
import type { StorageLocation } from "../../storage/objects/storage-location.ts";
import { type ColdTable, ColdTables } from "./cold-tables.ts";
import { emit, type RowSink } from "./emit-rows.ts";
import type { ColdRead, OpenMessage, QueryRelation, RunMessage } from "./messages.ts";
import { ReadPolicy } from "./read-policy.ts";
import { hiddenText, relationText, summaryText, type TableRelation } from "./relation-text.ts";

/** Registers the SQL functions plans may call. */
/** `node`: the process among those of the server, for the ids it makes. */
export type PrepareConnection = (db: DatabaseSync, node: number) => void;

export interface QueryDone {
  readonly rowCount: number;
  readonly position: Seq;
  readonly reads: readonly ColdRead[];
}

/** A flush that commits between loading and reading costs one more round; this many in a row means something else is wrong. */
const MAX_ROUNDS = 20;

const SEGMENTS_SQL =
  "SELECT id, path, rows, min_seq, max_seq, min_key, max_key FROM segments WHERE table_id = ? AND scope = ? ORDER BY id";

export class QuerySession {
  readonly #db: DatabaseSync;
  readonly #policy: ReadPolicy;
  readonly #cold: ColdTables;
  readonly #access: StorageAccess | undefined;

  constructor(options: OpenMessage, prepareConnection: PrepareConnection) {
    this.#access = options.storages;
    this.#db = new DatabaseSync(options.databasePath, { readOnly: true });
    // Sorts and temporary tables stay in memory, where the limit of the process counts them.
    this.#db.exec("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000");
    prepareConnection(this.#db, options.node);
    this.#policy = new ReadPolicy(this.#tableNames());
    this.#policy.install(this.#db);
    this.#cold = new ColdTables({
      db: this.#db,
      objects: new RoutedStore(options.storageDir, (id) => this.#locate(id)),
      maxBytes: options.coldCacheBytes,
    });
  }

  /** As the data file says now: a segment that was just read of may lie in a storage that was just made. */
  async #locate(id: string): Promise<StorageLocation | undefined> {
    const row = this.#db.prepare("SELECT definition FROM storages WHERE id = ?").get(id);
    if (row === undefined || this.#access === undefined) return undefined;
    return locationOf(decodeStorage(id, String(row["definition"])), this.#access);
  }

  close(): void {
    this.#db.close();
  }

  async run(request: RunMessage, sink: RowSink): Promise<QueryDone> {
    if (request.format === "plan") return this.#plan(request);
    const run: Run = { request, sink, extraRows: request.relations.map(() => 0), loaded: new Set() };
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const done = (await this.#summarized(run)) ?? this.#attempt(run);
        if (done !== undefined) return done;
        await this.#load(run);
      }
      throw new DbError("SERVER_BUSY", "The flushed files of the table keep changing; try again");
    } finally {
      this.#cold.dropLookups();
    }
  }

  async #plan(request: RunMessage): Promise<QueryDone> {
    const reads: ColdRead[] = [];
    const used = this.#inTransaction(() => this.#usedIndexes(request));
    for (const relation of request.relations) {
      if (relation.kind !== "table") continue;
      const { schema } = relation;
      const segments = this.#inTransaction(() => this.#segments(relation));
      const outcome = await this.#cold.plan(relation, segments);
      const indexes = (schema.indexes ?? []).filter((index) => used.has(hotIndexName(schema, index)));
      const table = qualifiedName(schema);
      reads.push({ ...outcome, table, isCached: false, indexes: indexes.map(({ name }) => name) });
    }
    return { rowCount: 0, position: this.#inTransaction(() => this.#position()), reads };
  }

  /** Of the buffer, as SQLite would search it now. */
  #usedIndexes({ sql, relations, values }: RunMessage): ReadonlySet<string> {
    const pieces = sql.map((piece) => {
      const relation = typeof piece === "string" ? undefined : relations[piece];
      return relation === undefined ? piece : relationText(relation, { coldTable: undefined, isBufferEmpty: false });
    });
    const text = pieces.join("");
    // Something must be read for SQLite to notice that there are other indexes than before.
    this.#position();
    const steps = this.#db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...bindable(text, values));
    const names = steps.flatMap(({ detail }) => /\bINDEX (ix_\w+)/.exec(String(detail))?.[1] ?? []);
    return new Set(names);
  }

  /** The answer from metadata of the files and the buffer; undefined when that does not say it exactly. */
  async #summarized({ request, sink }: Run): Promise<QueryDone | undefined> {
    const { summary, relations } = request;
    const [relation] = relations;
    if (summary === undefined || relation?.kind !== "table" || relation.includeDeleted) return undefined;
    // What a transaction has written is in no metadata.
    if (relation.ownParameter !== undefined) return undefined;
    const { columns } = summary;
    const segments = this.#inTransaction(() => this.#segments(relation));
    if (segments.length === 0) return undefined;
    try {
      this.#cold.shrink([]);
      const isKnown = this.#cold.findSummary(relation, columns, segments) !== undefined;
      if (!isKnown && !(await this.#cold.loadSummary(relation, columns, segments))) return undefined;
    } catch (error) {
      if (
        sameSegments(
          segments,
          this.#inTransaction(() => this.#segments(relation)),
        )
      )
        throw error;
      return undefined;
    }
    return this.#inTransaction(() => {
      const now = this.#segments(relation);
      const cold = this.#cold.findSummary(relation, columns, now);
      // Buffered rows up to here are leftovers: the files hold them too.
      const flushedUpTo = now.reduce((newest, { maxSeq }) => (maxSeq > newest ? maxSeq : newest), seqOf(0n));
      if (cold === undefined || this.#mayHide(relation, now, flushedUpTo)) return undefined;
      const hole = summaryText(relation, columns, { coldTable: cold.name, flushedUpTo });
      const text = summary.sql.map((piece) => (typeof piece === "string" ? piece : hole)).join("");
      const tables = new Set([hotTableName(relation.schema), cold.name]);
      const position = this.#position();
      const rowCount = this.#policy.restrict(tables, () => this.#select(text, request, sink));
      return {
        rowCount,
        position,
        reads: [{ ...cold.outcome, table: qualifiedName(relation.schema), isCached: false }],
      };
    });
  }

  /** Whether a buffered version has a key within the key range of a segment. */
  #mayHide({ schema, scope }: TableRelation, segments: readonly SegmentRef[], flushedUpTo: Seq): boolean {
    const isScoped = isScopedByUser(schema.kind);
    const owner = isScoped ? "_user = ? AND " : "";
    const key = `c${keyColumn(schema).id}`;
    const text = `SELECT 1 FROM ${hotTableName(schema)} WHERE ${owner}${key} BETWEEN ? AND ? AND +_seq > ? LIMIT 1`;
    const statement = this.#db.prepare(text);
    return segments.some(({ minKey, maxKey }) => {
      return statement.get(...(isScoped ? [scope] : []), minKey, maxKey, flushedUpTo) !== undefined;
    });
  }

  /** Undefined when flushed rows must be loaded first. */
  #attempt(run: Run): QueryDone | undefined {
    const { request, sink } = run;
    return this.#inTransaction(() => {
      const stored = request.relations.map((relation, index) => this.#stored(run, relation, index));
      if (stored.some((rows) => rows.isMissing)) return undefined;
      const tables = new Set<string>();
      const pieces = request.sql.map((piece) => {
        if (typeof piece === "string") return piece;
        const relation = request.relations[piece];
        const rows = stored[piece];
        assert(relation !== undefined && rows !== undefined, "every hole has its relation");
        if (relation.kind === "table") tables.add(hotTableName(relation.schema));
        if (rows.cold !== undefined) tables.add(rows.cold.name);
        return relationText(relation, { coldTable: rows.cold?.name, isBufferEmpty: rows.isBufferEmpty });
      });
      const position = this.#position();
      const rowCount = this.#policy.restrict(tables, () => this.#select(pieces.join(""), request, sink));
      return { rowCount, position, reads: stored.flatMap(({ read }) => read ?? []) };
    });
  }

  #inTransaction<T>(work: () => T): T {
    this.#db.exec("BEGIN");
    try {
      return work();
    } finally {
      if (this.#db.isTransaction) this.#db.exec("COMMIT");
    }
  }

  #select(sql: string, request: RunMessage, sink: RowSink): number {
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    return emit(arrayRows(statement.iterate(...bindable(sql, request.values))), request, sink);
  }

  /** What is there of a relation's stored rows in the open transaction. */
  #stored(run: Run, relation: QueryRelation, index: number): StoredRows {
    if (relation.kind !== "table") return NOTHING_STORED;
    const segments = this.#segments(relation);
    if (segments.length === 0) return NOTHING_STORED;
    const isBufferEmpty = this.#isBufferEmpty(relation);
    const cold = this.#cold.find(withExtraRows(relation, run.extraRows[index]), segments);
    if (cold === undefined) return { ...NOTHING_STORED, isMissing: true };
    const hidden = isBufferEmpty || !isCut(relation, cold) ? 0 : this.#hiddenRows(relation, cold);
    if (hidden > 0 && cold.outcome.rows - hidden < (relation.top?.rows ?? 0)) {
      // Buffered versions hide so many of the rows that others move up.
      run.extraRows[index] = 2 * hidden;
      return { ...NOTHING_STORED, isMissing: true };
    }
    const read = { ...cold.outcome, table: qualifiedName(relation.schema), isCached: !run.loaded.has(cold.name) };
    return { cold, isBufferEmpty, isMissing: false, read };
  }

  #isBufferEmpty({ schema, scope }: TableRelation): boolean {
    const where = isScopedByUser(schema.kind) ? " WHERE _user = ?" : "";
    const values = where === "" ? [] : [scope];
    return this.#db.prepare(`SELECT 1 FROM ${hotTableName(schema)}${where} LIMIT 1`).get(...values) === undefined;
  }

  #hiddenRows(relation: TableRelation, { name }: ColdTable): number {
    const hidden = hiddenText({ ...relation, scopeParameter: 1 }, "f");
    const values = isScopedByUser(relation.schema.kind) ? [relation.scope] : [];
    const row = this.#db.prepare(`SELECT count(*) AS hidden FROM temp.${name} AS f WHERE ${hidden}`).get(...values);
    return Number(row?.["hidden"]);
  }

  async #load(run: Run): Promise<void> {
    const sources: TableRelation[] = [];
    for (const [index, relation] of run.request.relations.entries()) {
      if (relation.kind !== "table") continue;
      const source = withExtraRows(relation, run.extraRows[index]);
      sources.push(source);
      await this.#loadOne(run, source);
    }
    this.#cold.shrink(sources);
  }

  async #loadOne(run: Run, source: TableRelation): Promise<void> {
    const segments = this.#inTransaction(() => this.#segments(source));
    if (segments.length === 0 || this.#cold.find(source, segments) !== undefined) return;
    try {
      await this.#cold.load(source, segments);
      const table = this.#cold.find(source, segments);
      if (table !== undefined) run.loaded.add(table.name);
    } catch (error) {
      const now = this.#inTransaction(() => this.#segments(source));
      // A file may go away because its segment did: then there is a newer set to load.
      if (sameSegments(segments, now)) throw error;
    }
  }

  #segments({ schema, scope }: ScopeTarget): SegmentRef[] {
    const known = this.#db.prepare("SELECT 1 FROM tables WHERE id = ?").get(BigInt(schema.id));
    if (known === undefined) {
      throw new DbError("TABLE_NOT_FOUND", `Table ${qualifiedName(schema)} no longer exists`);
    }
    const statement = this.#db.prepare(SEGMENTS_SQL);
    statement.setReadBigInts(true);
    return statement.all(BigInt(schema.id), scope).map((row): SegmentRef => {
      const { id, path, rows, min_seq: minSeq, max_seq: maxSeq, min_key: minKey, max_key: maxKey } = row;
      assert(typeof path === "string" && minKey !== undefined && maxKey !== undefined, "a segment row is complete");
      assert(typeof minSeq === "bigint" && typeof maxSeq === "bigint", "positions are read as bigint");
      return { id: Number(id), path, rows: Number(rows), minSeq: seqOf(minSeq), maxSeq: seqOf(maxSeq), minKey, maxKey };
    });
  }

  #tableNames(): string[] {
    const rows = this.#db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return rows.map((row) => String(row["name"]));
  }

  #position(): Seq {
    const statement = this.#db.prepare("SELECT value FROM meta WHERE key = 'last_seq'");
    statement.setReadBigInts(true);
    const value = statement.get()?.["value"];
    assert(typeof value === "bigint", "the data file names its last position");
    return seqOf(value);
  }
}

interface Run {
  readonly request: RunMessage;
  readonly sink: RowSink;
  /** By relation: how many rows more than its `top` to load, because buffered versions hide some. */
  readonly extraRows: number[];
  /** Tables that were loaded for this query. */
  readonly loaded: Set<string>;
}

interface StoredRows {
  readonly cold: ColdTable | undefined;
  readonly isBufferEmpty: boolean;
  /** Flushed rows must be loaded first. */
  readonly isMissing: boolean;
  readonly read: ColdRead | undefined;
}

const NOTHING_STORED: StoredRows = { cold: undefined, isBufferEmpty: false, isMissing: false, read: undefined };

/** Whether the table lacks rows that satisfy the conditions. */
function isCut({ top }: TableRelation, { outcome }: ColdTable): boolean {
  return top !== undefined && !outcome.isWhole;
}

function withExtraRows(relation: TableRelation, extra = 0): TableRelation {
  const { top } = relation;
  return top === undefined || extra === 0 ? relation : { ...relation, top: { ...top, rows: top.rows + extra } };
}

function* arrayRows(rows: Iterable<unknown>): Generator<readonly SqliteValue[]> {
  for (const row of rows) {
    assert(Array.isArray(row), "the statement returns arrays");
    yield row;
  }
}

/** The values the text has a place for: a value too many is an error to SQLite, and a plan may hold slots its text does not use. */
function bindable(sql: string, values: readonly SqliteValue[]): SqliteValue[] {
  let highest = 0;
  for (const [, place] of sql.matchAll(/\?(\d+)/g)) highest = Math.max(highest, Number(place));
  return values.slice(0, highest).map(bindValue);
}

/** node:sqlite binds every number as REAL; an integer must arrive as one, as it does through bun:sqlite on the main thread. */
function bindValue(value: SqliteValue): SqliteValue {
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function sameSegments(a: readonly SegmentRef[], b: readonly SegmentRef[]): boolean {
  return a.length === b.length && a.every(({ id }, index) => b[index]?.id === id);
}
