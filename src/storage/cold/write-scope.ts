// The half of a flush that runs off the main thread: the oldest buffered versions of one scope → one durable segment file. It changes nothing in SQLite; the
// file means nothing until the writer commits it.
import type { Database } from "bun:sqlite";
import { assert, DbError } from "../../base/errors.ts";
import { type Scope, type Seq, SHARED_SCOPE, seqOf } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { keyColumn, qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { cellFromSqlite } from "../../model/types.ts";
import { flushedUpToSql } from "../catalog/catalog-ddl.ts";
import { hotColumns, hotTableName, isScopedByUser } from "../hot/relation.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { Segment } from "../seams.ts";
import { type WriteSteps, writeSegment } from "./parquet-write.ts";
import { rowBytes } from "./segment-encoder.ts";
import { segmentPath } from "./segment-paths.ts";

export interface ScopeTask {
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Of the file. */
  readonly folder: string;
  /** Inclusive. Versions above it stay buffered. */
  readonly upTo: Seq;
  /** Versions of the scope in the buffer, those above `upTo` included. */
  readonly buffered: number;
  readonly maxRows: number;
  /** Stops reading once the rows read so far hold this much; at least one row is taken. */
  readonly maxBytes: number;
  readonly nowMs: number;
  /** Part of the name of the file; never used before. */
  readonly tag: string;
}

export interface ScopeWriter extends WriteSteps {
  /** Keeps the statements; no read transaction of it outlives the reading of a file's rows. */
  readonly db: Database;
  readonly objects: ObjectStore;
}

export interface ScopeWritten {
  /** Undefined when the scope has no version at or below `upTo` that is not in a file yet. */
  readonly segment: Omit<Segment, "id"> | undefined;
  /** Whether there may be more of them. */
  readonly hasMore: boolean;
}

/** Throws TABLE_NOT_FOUND when the table is gone. */
export async function writeScope(writer: ScopeWriter, task: ScopeTask): Promise<ScopeWritten> {
  const { db, objects, ...steps } = writer;
  const { rows, hasMore } = readRows(db, task, steps);
  const [first] = rows;
  if (first === undefined) return { segment: undefined, hasMore };
  const { schema, scope } = task;
  const maxSeq = rows.reduce((newest, { seq }) => (seq > newest ? seq : newest), first.seq);
  const path = segmentPath(task.folder, { maxSeq, tag: task.tag, part: 1 });
  const written = await writeSegment({ objects, path, schema, scope, rows, ...steps });
  const { id: tableId, version: schemaVersion } = schema;
  const segment = { ...written, tableId, scope, path, schemaVersion, createdAtMs: task.nowMs };
  return { segment, hasMore };
}

type RowOrder = "seq" | "key";

/**
 * Tombstones included. In `_seq` order and without gaps, so that "everything at or below the last one" is exactly what was read, or all that there is in the order of the
 * keys, which takes SQLite no sorting. Rows that a segment holds already wait to be removed: they are passed over. Of a USER table the rows are found by the owner (the plus
 * signs keep SQLite off the rowid, which would walk every user's rows).
 */
function rowsText(schema: TableSchema, order: RowOrder): string {
  const columns = ["_seq", "_deleted", ...hotColumns(schema)].join(", ");
  const seq = isScopedByUser(schema.kind) ? "+_seq" : "_seq";
  const by = order === "key" ? `c${keyColumn(schema).id}` : seq;
  return `SELECT ${columns} FROM ${hotTableName(schema)} WHERE _user = ?1 AND ${seq} <= ?2 AND ${seq} > ${FLUSHED_UP_TO} ORDER BY ${by} LIMIT ?3`;
}

const FLUSHED_UP_TO = `ifnull(${flushedUpToSql("?4", "?1")}, 0)`;

/** A look at whether the rows are still wanted takes as long as reading one. */
const ROWS_BETWEEN_LOOKS = 1_000;

interface ReadRows {
  readonly rows: RowVersion[];
  readonly hasMore: boolean;
}

/** The oldest that fit into a file. */
function readRows(db: Database, task: ScopeTask, steps: WriteSteps): ReadRows {
  const { schema, scope, buffered, maxRows } = task;
  assert(isScopedByUser(schema.kind) === (scope !== SHARED_SCOPE), "a USER table is flushed user by user");
  requireTable(db, schema);
  if (isScopedByUser(schema.kind) && buffered < maxRows) {
    const all = readInOrder(db, task, { ...steps, order: "key" });
    // Unless they are long ones.
    if (!all.hasMore) return all;
  }
  return readInOrder(db, task, { ...steps, order: "seq" });
}

function readInOrder(
  db: Database,
  task: ScopeTask,
  { order, requireWanted }: Pick<WriteSteps, "requireWanted"> & { readonly order: RowOrder },
): ReadRows {
  const { schema, scope } = task;
  const columns = schema.columns.map(({ id, type }) => ({ name: `c${id}`, type }));
  const statement = db.query<Record<string, SqliteValue>, SqliteValue[]>(rowsText(schema, order)).safeIntegers(true);
  const rows: RowVersion[] = [];
  let bytes = 0;
  for (const record of statement.iterate(scope, task.upTo, task.maxRows, schema.id)) {
    const { _seq: seq, _deleted: deleted } = record;
    assert(typeof seq === "bigint", "_seq is read as bigint");
    const cells = columns.map(({ name, type }) => cellFromSqlite(record[name] ?? null, type));
    rows.push({ seq: seqOf(seq), deleted: deleted === 1n, cells });
    if (rows.length % ROWS_BETWEEN_LOOKS === 0) requireWanted?.();
    bytes += rowBytes(cells);
    if (bytes >= task.maxBytes) break;
  }
  return { rows, hasMore: rows.length >= task.maxRows || bytes >= task.maxBytes };
}

/** A dropped table's rows are there for a while. */
function requireTable(db: Database, schema: TableSchema): void {
  const statement = db.query<unknown, [number]>("SELECT 1 FROM tables WHERE id = ?1");
  if (statement.get(schema.id) === null) throw new DbError("TABLE_NOT_FOUND", `Table ${qualifiedName(schema)} is gone`);
}
