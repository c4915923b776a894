// What a write does: as SQL, and by itself on a row of the model.
import { evaluate, type Filter, filterSql } from "./filter.ts";
import { COLUMNS, type ColumnName, EMPTY_ROW, FILE_TABLE_COLUMNS, KEYS, literal, type ModelRow } from "./row.ts";
import type { Step, TableName, ViewedTable, Watch, Where, WriteOp } from "./step.ts";

const LIST = COLUMNS.join(", ");
/** With the column that comes and goes. */
const RETURNING = "RETURNING *";
const UPSERT = COLUMNS.slice(1)
  .map((column) => `${column} = EXCLUDED.${column}`)
  .join(", ");

export function opSql(op: WriteOp, table: TableName): string {
  const name = `sim.${table}`;
  switch (op.kind) {
    case "put":
      return `INSERT INTO ${name} ${rowsSql(op.rows)} ON CONFLICT (id) DO UPDATE SET ${UPSERT} ${RETURNING}`;
    case "upsert":
      return `UPSERT INTO ${name} ${rowsSql(op.rows, op.columns)} ${RETURNING}`;
    case "copy":
      return `INSERT INTO ${name} (${LIST}) SELECT ${LIST} FROM sim.${op.from} WHERE ${filterSql(op.filter)} ON CONFLICT (id) DO ${op.orNothing ? "NOTHING" : `UPDATE SET ${UPSERT}`} ${RETURNING}`;
    case "join":
      return `UPDATE ${name} SET n = given_n, note = given_note FROM (SELECT id AS given_id, n AS given_n, note AS given_note FROM sim.${op.from} WHERE ${filterSql(op.filter)}) AS given WHERE given_id = id ${RETURNING}`;
    case "attach":
      return `UPDATE ${name} SET doc = FILE('doc') WHERE id = ${op.key} ${RETURNING}`;
    case "truncate":
      return `TRUNCATE ${name}`;
    case "insert":
      return `INSERT INTO ${name} ${rowsSql(op.rows)} ${op.orNothing ? "ON CONFLICT (id) DO NOTHING " : ""}${RETURNING}`;
    case "set":
      return `UPDATE ${name} SET ${op.column} = ${literal(op.column, op.value)} WHERE ${whereSql(op.where)} ${RETURNING}`;
    case "add":
      return `UPDATE ${name} SET n = (n + ${op.amount}) % 10 WHERE ${whereSql(op.where)} ${RETURNING}`;
    case "delete":
      return `DELETE FROM ${name} WHERE ${whereSql(op.where)} ${RETURNING}`;
    default:
      return failingSql(op.how, name);
  }
}

function failingSql(how: Extract<WriteOp, { kind: "fail" }>["how"], name: string): string {
  switch (how) {
    case "null":
      return `INSERT INTO ${name} (id, room) VALUES (1000, 'a'), (1001, NULL)`;
    case "type":
      return `INSERT INTO ${name} (id, room, n) VALUES (1000, 'a', 1), (1001, 'b', 'many')`;
    case "table":
      return `UPDATE ${name}_of_nobody SET n = 1 WHERE id = 1`;
    default:
      return `INSERT INTO ${name} (id, room, n) VALUES (1000, 'a', 1), (1001, 'b', 1 / (1 - 1))`;
  }
}

function rowsSql(rows: readonly ModelRow[], columns: readonly ColumnName[] = COLUMNS): string {
  const values = rows.map((row) => `(${columns.map((column) => literal(column, row[column])).join(", ")})`);
  return `(${columns.join(", ")}) VALUES ${values.join(", ")}`;
}

function whereSql(where: Where): string {
  return "key" in where ? `id = ${where.key}` : filterSql(where.filter);
}

/** Of the table whose rows end by themselves, which has no UPDATE. */
export function streamSql(step: Extract<Step, { kind: "stream" }>): string {
  if ("deletes" in step) return `DELETE FROM sim.feed WHERE id = ${step.deletes}`;
  return `INSERT INTO sim.feed ${rowsSql(step.rows)} ON CONFLICT (id) DO NOTHING`;
}

export function createShared(table: TableName): string {
  return `CREATE SHARED TABLE sim.${table} ${FILE_TABLE_COLUMNS} WITH (ACCESS_LEVEL = 'PUBLIC')`;
}

/** What a table's view shows of it, its columns in another order. */
export function viewSql(table: ViewedTable, filter: Filter): string {
  return `VIEW sim.${viewOf(table)} AS SELECT ${COLUMNS.toReversed().join(", ")} FROM sim.${table} WHERE ${filterSql(filter)}`;
}

export function viewOf(table: Watch["table"]): string {
  return `${table}_seen`;
}

export function finds(where: Where, row: ModelRow): boolean {
  return "key" in where ? row.id === where.key : evaluate(where.filter, row) === true;
}

/** The row an UPDATE leaves. */
export function updated(op: Extract<WriteOp, { kind: "set" | "add" }>, row: ModelRow): ModelRow {
  if (op.kind === "set") return { ...row, [op.column]: op.value };
  return { ...row, n: row.n === null ? null : (row.n + op.amount) % 10 };
}

/** The row an UPSERT leaves. */
export function upserted(
  { columns }: Extract<WriteOp, { kind: "upsert" }>,
  given: ModelRow,
  before: ModelRow | undefined,
): ModelRow {
  const named = Object.fromEntries(columns.map((column) => [column, given[column]]));
  return { ...EMPTY_ROW, ...before, ...named };
}

/** The keys an operation may touch; undefined for any that are there. */
export function keysOf(op: WriteOp): readonly number[] | undefined {
  switch (op.kind) {
    case "put":
    case "upsert":
    case "insert":
      return op.rows.map(({ id }) => id);
    case "attach":
      return [op.key];
    case "fail":
      return [];
    case "copy":
      return Array.from({ length: KEYS }, (_, id) => id);
    case "join":
    case "truncate":
      return undefined;
    default:
      return "key" in op.where ? [op.where.key] : undefined;
  }
}
