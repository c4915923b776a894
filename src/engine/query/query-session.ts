// One read-only connection of a query process and the queries that run on it. Each query reads one committed state: position, segments and buffered rows come
// out of the same transaction.
import { DatabaseSync } from "node:sqlite";
import { assert, DbError } from "../../base/errors.ts";

import { type Seq, seqOf } from "../../base/ids.ts";
import { qualifiedName } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { decodeStorage } from "../../storage/catalog/storage-definition.ts";
import type { SegmentRef } from "../../storage/cold/segment-cache.ts";

import { hotIndexName } from "../../storage/hot/hot-index.ts";

import { hotTableName, isScopedByUser } from "../../storage/hot/relation.ts";
import { RoutedStore } from "../../storage/objects/routed-store.ts";
import { locationOf, type StorageAccess } from "../../storage/objects/storage-access.ts";
import type { StorageLocation } from "../../storage/objects/storage-location.ts";
import { type ColdTable, ColdTables, type LookedUp } from "./cold-tables.ts";

import { DataFile, sameSegments } from "./data-file.ts";
import { emit, type RowSink } from "./emit-rows.ts";
import type { ColdCacheCounts, ColdRead, OpenMessage, QueryRelation, RunMessage } from "./messages.ts";
import { ReadPolicy } from "./read-policy.ts";
import { ReadStatements } from "./read-statements.ts";
import { hiddenText, relationText, rowsText, type TableRelation } from "./relation-text.ts";
import { plannedSummary, readSummary } from "./summary-read.ts";

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

export class QuerySession {
  readonly #db: DatabaseSync;
  readonly #statements: ReadStatements;
  readonly #file: DataFile;
  readonly #cold: ColdTables;
  readonly #access: StorageAccess | undefined;
  #isRunning = false;
  #isToBeCleared = false;

  constructor(options: OpenMessage, prepareConnection: PrepareConnection) {
    this.#access = options.storages;
    this.#db = new DatabaseSync(options.databasePath, { readOnly: true });
    // Sorts and temporary tables stay in memory, where the limit of the process counts them.
    this.#db.exec("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000");
    prepareConnection(this.#db, options.node);
    const policy = new ReadPolicy(this.#tableNames());
    policy.install(this.#db);
    this.#statements = new ReadStatements(this.#db, policy);
    this.#file = new DataFile(this.#db);
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

  /** Tables that a query is about to read go when it ends. */
  clearCaches(): ColdCacheCounts {
    const counts = this.#cold.counts;
    this.#cold.forgetColumns();
    if (this.#isRunning) this.#isToBeCleared = true;
    else this.#cold.dropAll();
    return counts;
  }

  async run(request: RunMessage, sink: RowSink): Promise<QueryDone> {
    this.#isRunning = true;
    try {
      return await this.#run(request, sink);
    } finally {
      this.#isRunning = false;
      if (this.#isToBeCleared) this.#cold.dropAll();
      this.#isToBeCleared = false;
    }
  }

  async #run(request: RunMessage, sink: RowSink): Promise<QueryDone> {
    if (request.format === "plan") return this.#plan(request);
    const summarized = await this.#summarized(request, sink);
    if (summarized !== undefined) return summarized;
    const run: Run = { request, sink, extraRows: request.relations.map(() => 0), lookups: [], loaded: new Set() };
    // Flushed rows of certain keys are kept by nobody: a first look would find them missing.
    if (request.relations.some((relation) => relation.kind === "table" && relation.keys !== undefined)) {
      await this.#load(run);
    }
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const done = this.#attempt(run);
      if (done !== undefined) return done;
      await this.#load(run);
    }
    throw new DbError("SERVER_BUSY", "The flushed files of the table keep changing; try again");
  }

  async #plan(request: RunMessage): Promise<QueryDone> {
    const summary = await plannedSummary({ file: this.#file, cold: this.#cold }, request);
    const reads: ColdRead[] = [];
    const used = this.#file.inTransaction(() => this.#usedIndexes(request));
    for (const relation of request.relations) {
      if (relation.kind !== "table") continue;
      const { schema } = relation;
      const segments = this.#file.inTransaction(() => this.#file.segments(relation));
      const { by = "rows", outcome = await this.#cold.plan(relation, segments) } = summary ?? {};
      const indexes = (schema.indexes ?? []).filter((index) => used.has(hotIndexName(schema, index)));
      const table = qualifiedName(schema);
      reads.push({ ...outcome, by, table, isCached: false, indexes: indexes.map(({ name }) => name) });
    }
    return { rowCount: 0, position: this.#file.inTransaction(() => this.#file.position()), reads };
  }

  /** Of the buffer, as SQLite would search it now. */
  #usedIndexes({ sql, relations, values }: RunMessage): ReadonlySet<string> {
    const pieces = sql.map((piece) => {
      const relation = typeof piece === "string" ? undefined : relations[piece];
      return relation === undefined
        ? piece
        : relationText(relation, { flushed: undefined, isBufferEmpty: false, flushedUpTo: NO_SEQ });
    });
    const text = pieces.join("");
    // Something must be read for SQLite to notice that there are other indexes than before.
    this.#file.position();
    const steps = this.#db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...bindable(text, values));
    const names = steps.flatMap(({ detail }) => /\bINDEX (ix_\w+)/.exec(String(detail))?.[1] ?? []);
    return new Set(names);
  }

  /** Undefined when flushed rows must be loaded first. */
  #attempt(run: Run): QueryDone | undefined {
    const { request, sink } = run;
    return this.#file.inTransaction(() => {
      const stored = request.relations.map((relation, index) => this.#stored(run, relation, index));
      if (stored.some((rows) => rows.isMissing)) return undefined;
      const tables = new Set<string>();
      const values = [...request.values];
      const pieces = request.sql.map((piece) => {
        if (typeof piece === "string") return piece;
        const relation = request.relations[piece];
        const rows = stored[piece];
        assert(relation !== undefined && rows !== undefined, "every hole has its relation");
        if (relation.kind === "table") tables.add(hotTableName(relation.schema));
        if (rows.cold !== undefined) tables.add(rows.cold.name);
        const { cold, lookup, isBufferEmpty, flushedUpTo } = rows;
        if (lookup === undefined || relation.kind !== "table") {
          return relationText(relation, { flushed: cold && `temp.${cold.name}`, isBufferEmpty, flushedUpTo });
        }
        const flushed = rowsText(relation.schema, lookup.places, values.push(lookup.rowsJson));
        return relationText(relation, { flushed, isBufferEmpty, flushedUpTo });
      });
      const position = this.#file.position();
      const rowCount = this.#select({ tables, sql: pieces.join("") }, { ...request, values }, sink);
      return { rowCount, position, reads: stored.flatMap(({ read }) => read ?? []) };
    });
  }

  #summarized(request: RunMessage, sink: RowSink): Promise<QueryDone | undefined> {
    const deps = { file: this.#file, cold: this.#cold };
    return readSummary(deps, request, ({ relation: { schema }, sql, values, flushed }) => {
      const position = this.#file.position();
      const tables = new Set([hotTableName(schema)]);
      const rowCount = this.#select({ tables, sql }, { ...request, values }, sink);
      const { by, outcome } = flushed;
      return { rowCount, position, reads: [{ ...outcome, by, table: qualifiedName(schema), isCached: false }] };
    });
  }

  #select({ tables, sql }: Text, request: RunMessage, sink: RowSink): number {
    const values = bindable(sql, request.values);
    return this.#statements.run(tables, sql, (statement) =>
      emit(arrayRows(statement.iterate(...values)), request, sink),
    );
  }

  /** What is there of a relation's stored rows in the open transaction. */
  #stored(run: Run, relation: QueryRelation, index: number): StoredRows {
    if (relation.kind !== "table") return NOTHING_STORED;
    const { segments, upTo } = this.#file.flushed(relation);
    const nothing: StoredRows = { ...NOTHING_STORED, flushedUpTo: upTo };
    if (segments.length === 0) return nothing;
    const isBufferEmpty = this.#file.isBufferEmpty(relation);
    const table = qualifiedName(relation.schema);
    const lookup = run.lookups[index];
    if (lookup !== undefined && sameSegments(lookup.segments, segments)) {
      const read = { ...lookup.outcome, by: "rows", table, isCached: false } as const;
      return { ...nothing, lookup, isBufferEmpty, read };
    }
    const cold = this.#cold.find(withExtraRows(relation, run.extraRows[index]), segments);
    if (cold === undefined) return { ...NOTHING_STORED, isMissing: true };
    const hidden = isBufferEmpty || !isCut(relation, cold) ? 0 : this.#hiddenRows(relation, cold, upTo);
    if (hidden > 0 && cold.outcome.rows - hidden < (relation.top?.rows ?? 0)) {
      // Buffered versions hide so many of the rows that others move up.
      run.extraRows[index] = 2 * hidden;
      return { ...NOTHING_STORED, isMissing: true };
    }
    const isCached = !run.loaded.has(cold.name);
    const read = { ...cold.outcome, by: "rows", table, isCached } as const;
    return { ...nothing, cold, isBufferEmpty, read };
  }

  #hiddenRows(relation: TableRelation, { name }: ColdTable, upTo: Seq): number {
    const hidden = hiddenText({ ...relation, scopeParameter: 1 }, "f", upTo);
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
      await this.#loadOne(run, source, index);
    }
    this.#cold.shrink(sources);
  }

  async #loadOne(run: Run, source: TableRelation, index: number): Promise<void> {
    const segments = this.#file.inTransaction(() => this.#file.segments(source));
    if (segments.length === 0 || this.#cold.find(source, segments) !== undefined) return;
    try {
      const { keys } = source;
      if (keys !== undefined) {
        run.lookups[index] = { segments, ...(await this.#cold.lookUp(source, keys, segments)) };
        return;
      }
      await this.#cold.load(source, segments);
      const table = this.#cold.find(source, segments);
      if (table !== undefined) run.loaded.add(table.name);
    } catch (error) {
      const now = this.#file.inTransaction(() => this.#file.segments(source));
      // A file may go away because its segment did: then there is a newer set to load.
      if (sameSegments(segments, now)) throw error;
    }
  }

  #tableNames(): string[] {
    const rows = this.#db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return rows.map((row) => String(row["name"]));
  }
}

interface Text {
  readonly sql: string;
  /** All that it reads. */
  readonly tables: ReadonlySet<string>;
}

interface Lookup extends LookedUp {
  readonly segments: readonly SegmentRef[];
}

interface Run {
  readonly request: RunMessage;
  readonly sink: RowSink;
  /** By relation: how many rows more than its `top` to load, because buffered versions hide some. */
  readonly extraRows: number[];
  /** By relation: rows that were looked up by their keys, and in which segments. */
  readonly lookups: (Lookup | undefined)[];
  /** Tables that were loaded for this query. */
  readonly loaded: Set<string>;
}

interface StoredRows {
  readonly cold: ColdTable | undefined;
  /** Instead of a table, when the query can need the rows of some keys only. */
  readonly lookup: LookedUp | undefined;
  readonly isBufferEmpty: boolean;
  readonly flushedUpTo: Seq;
  /** Flushed rows must be loaded first. */
  readonly isMissing: boolean;
  readonly read: ColdRead | undefined;
}

const NO_SEQ = seqOf(0n);

const NOTHING_STORED: StoredRows = {
  cold: undefined,
  lookup: undefined,
  isBufferEmpty: false,
  flushedUpTo: NO_SEQ,
  isMissing: false,
  read: undefined,
};

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
