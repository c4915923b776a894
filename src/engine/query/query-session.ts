// One read-only connection of a query process and the queries that run on it. Each query reads one committed state: position, segments and buffered rows come
// out of the same transaction.
import { DatabaseSync } from "node:sqlite";
import { assert, DbError } from "../../base/errors.ts";
import { type Seq, seqOf } from "../../base/ids.ts";
import { qualifiedName } from "../../model/schema.ts";
import type { Cell, SqliteValue, SqlType } from "../../model/sql-type.ts";
import { cellFromSqlite } from "../../model/types.ts";
import { hotTableName } from "../../storage/hot/relation.ts";
import { openFilesystemStore } from "../../storage/objects/filesystem-store.ts";
import { type ColdSource, ColdTables, type SegmentRef } from "./cold-tables.ts";
import type { OpenMessage, QueryRelation, ResultFormat, RunMessage } from "./messages.ts";
import { ReadPolicy } from "./read-policy.ts";
import { relationText } from "./relation-text.ts";
import { rowEncoder } from "./row-json.ts";

/** Registers the SQL functions plans may call. */
export type PrepareConnection = (db: DatabaseSync) => void;

export interface RowSink {
  json(text: string): void;
  cells(rows: readonly (readonly Cell[])[]): void;
}

export interface QueryDone {
  readonly rowCount: number;
  readonly position: Seq;
}

type TableRelation = Extract<QueryRelation, { kind: "table" }>;

const CHUNK_CHARACTERS = 256 * 1024;
const ROWS_PER_CELL_BATCH = 1000;
/** A flush that commits between loading and reading costs one more round; this many in a row means something else is wrong. */
const MAX_ROUNDS = 20;

const SEGMENTS_SQL = "SELECT id, path, rows, min_key, max_key FROM segments WHERE table_id = ? AND scope = ?";

export class QuerySession {
  readonly #db: DatabaseSync;
  readonly #policy: ReadPolicy;
  readonly #cold: ColdTables;

  constructor(options: OpenMessage, prepareConnection: PrepareConnection) {
    this.#db = new DatabaseSync(options.databasePath, { readOnly: true });
    // Sorts and temporary tables stay in memory, where the limit of the process counts them.
    this.#db.exec("PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 5000");
    prepareConnection(this.#db);
    this.#policy = new ReadPolicy(this.#tableNames());
    this.#policy.install(this.#db);
    this.#cold = new ColdTables({
      db: this.#db,
      objects: openFilesystemStore(options.storageDir),
      maxBytes: options.coldCacheBytes,
    });
  }

  close(): void {
    this.#db.close();
  }

  async run(request: RunMessage, sink: RowSink): Promise<QueryDone> {
    try {
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const done = this.#attempt(request, sink);
        if (done !== undefined) return done;
        await this.#load(request.relations);
      }
      throw new DbError("SERVER_BUSY", "The flushed files of the table keep changing; try again");
    } finally {
      this.#cold.dropLookups();
    }
  }

  /** Undefined when flushed rows must be loaded first. */
  #attempt(request: RunMessage, sink: RowSink): QueryDone | undefined {
    return this.#inTransaction(() => {
      const coldNames = request.relations.map((relation) => this.#coldName(relation));
      if (coldNames.includes("missing")) return undefined;
      const tables = new Set<string>();
      const pieces = request.sql.map((piece) => {
        if (typeof piece === "string") return piece;
        const relation = request.relations[piece];
        assert(relation !== undefined, "every hole has its relation");
        const cold = coldNames[piece];
        if (relation.kind === "table") tables.add(hotTableName(relation.schema));
        if (cold !== undefined) tables.add(cold);
        return relationText(relation, cold);
      });
      const position = this.#position();
      const rowCount = this.#policy.restrict(tables, () => this.#select(pieces.join(""), request, sink));
      return { rowCount, position };
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

  /** Undefined when the relation has no flushed rows; "missing" when they are not loaded. */
  #coldName(relation: QueryRelation): string | undefined {
    if (relation.kind !== "table") return undefined;
    const segments = this.#segments(relation);
    if (segments.length === 0) return undefined;
    return this.#cold.find(relation, segments) ?? "missing";
  }

  async #load(relations: readonly QueryRelation[]): Promise<void> {
    const tables = relations.filter((relation) => relation.kind === "table");
    for (const relation of tables) await this.#loadOne(relation);
    this.#cold.shrink(tables);
  }

  async #loadOne(relation: TableRelation): Promise<void> {
    const segments = this.#inTransaction(() => this.#segments(relation));
    if (segments.length === 0 || this.#cold.find(relation, segments) !== undefined) return;
    try {
      await this.#cold.load(relation, segments);
    } catch (error) {
      const now = this.#inTransaction(() => this.#segments(relation));
      // A file may go away because its segment did: then there is a newer set to load.
      if (sameSegments(segments, now)) throw error;
    }
  }

  #segments({ schema, scope }: ColdSource): SegmentRef[] {
    const known = this.#db.prepare("SELECT 1 FROM tables WHERE id = ?").get(BigInt(schema.id));
    if (known === undefined) {
      throw new DbError("TABLE_NOT_FOUND", `Table ${qualifiedName(schema)} no longer exists`);
    }
    const statement = this.#db.prepare(SEGMENTS_SQL);
    statement.setReadBigInts(true);
    return statement.all(BigInt(schema.id), scope).map((row): SegmentRef => {
      const { id, path, rows, min_key: minKey, max_key: maxKey } = row;
      assert(typeof path === "string" && minKey !== undefined && maxKey !== undefined, "a segment row is complete");
      return { id: Number(id), path, rows: Number(rows), minKey, maxKey };
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

interface Output {
  readonly output: readonly SqlType[];
  readonly format: ResultFormat;
  readonly maxResultBytes: number;
}

function emit(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  return request.format === "json" ? emitJson(rows, request, sink) : emitCells(rows, request, sink);
}

function tooLarge(maxResultBytes: number): DbError {
  return new DbError("RESULT_TOO_LARGE", `The result is larger than ${maxResultBytes} bytes`, {
    hint: "Page through it with LIMIT, or select fewer columns.",
  });
}

function emitJson(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  const encode = rowEncoder(request.output);
  let rowCount = 0;
  let bytes = 0;
  let chunk = "[";
  const flush = (): void => {
    bytes += Buffer.byteLength(chunk);
    if (bytes > request.maxResultBytes) throw tooLarge(request.maxResultBytes);
    sink.json(chunk);
    chunk = "";
  };
  for (const row of rows) {
    if (rowCount > 0) chunk += ",";
    chunk += encode(row);
    rowCount += 1;
    if (chunk.length >= CHUNK_CHARACTERS) flush();
  }
  chunk += "]";
  flush();
  return rowCount;
}

function emitCells(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  let rowCount = 0;
  let bytes = 0;
  let batch: Cell[][] = [];
  for (const row of rows) {
    batch.push(request.output.map((type, index) => cellFromSqlite(row[index] ?? null, type)));
    for (const value of row) bytes += sizeOf(value);
    if (bytes > request.maxResultBytes) throw tooLarge(request.maxResultBytes);
    rowCount += 1;
    if (batch.length === ROWS_PER_CELL_BATCH) {
      sink.cells(batch);
      batch = [];
    }
  }
  if (batch.length > 0) sink.cells(batch);
  return rowCount;
}

const FIXED_BYTES = 8;

function sizeOf(value: SqliteValue): number {
  if (typeof value === "string") return FIXED_BYTES + Buffer.byteLength(value);
  return FIXED_BYTES + (value instanceof Uint8Array ? value.byteLength : 0);
}
