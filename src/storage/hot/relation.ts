// The hot table of a Kalam table: its name, its columns, its DDL and the only text by which a query may reach its rows.
// A USER table has no relation without a bound user id: there is no call that prints its rows unscoped.
import { assert } from "../../base/errors.ts";
import { type Column, keyColumn, type TableKind, type TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";

/** Named after the id, not after the name: a rename moves no rows, and a table made again under an old name starts empty. */
export function hotTableName(schema: Pick<TableSchema, "id">): string {
  return `hot_${schema.id}`;
}

/** SQLite names of the schema's columns, in the schema's order. */
export function hotColumns(schema: Pick<TableSchema, "columns">): readonly string[] {
  return schema.columns.map((column) => `c${column.id}`);
}

/** True when every row belongs to one user, whose id is its scope. */
export function isScopedByUser(kind: TableKind): boolean {
  return kind !== "shared";
}

/** Whether the table has a hot table at all: rows of STREAM tables are in memory alone unless they are persisted. */
export function isInFile({ kind, options }: Pick<TableSchema, "kind" | "options">): boolean {
  return kind !== "stream" || options.isPersisted === true;
}

export interface HotRelation {
  readonly schema: TableSchema;
  /** The bound parameter that holds the user id (`?3`); undefined for SHARED tables only. */
  readonly scopeParameter: string | undefined;
  readonly includeDeleted: boolean;
  /** What is at or below it is in the segments or gone, though it may still be in this table: a position, or the bound parameter that holds one. Undefined: there is none. */
  readonly startsAt?: string | undefined;
  /** Names to select; by default all. */
  readonly columns?: readonly string[];
}

/** A parenthesised sub-select with the columns `c<column id>`, `_seq` and `_deleted`. */
export function hotRelation({ schema, scopeParameter, includeDeleted, startsAt, columns }: HotRelation): string {
  const conditions: string[] = [];
  if (isScopedByUser(schema.kind)) {
    assert(scopeParameter !== undefined, "a USER table is read with a scope");
    assert(/^\?[1-9][0-9]*$/.test(scopeParameter), "a scope is a bound parameter");
    conditions.push(`_user = ${scopeParameter}`);
  } else {
    assert(scopeParameter === undefined, "a SHARED table has no scope");
  }
  if (!includeDeleted) conditions.push("_deleted = 0");
  // The plus sign: rows are found by their user, key or index as before.
  if (startsAt !== undefined) conditions.push(`+_seq > ${startsAt}`);
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  const names = columns ?? [...hotColumns(schema), "_seq", "_deleted"];
  return `(SELECT ${names.join(", ")} FROM ${hotTableName(schema)}${where})`;
}

/**
 * `_seq` is the rowid, so that inserts append and paging by position needs no index. The key of a SHARED table leaves `_user` (always empty)
 * out of its index. Why this layout: specs/decisions/003-hot-table-layout.md. Not STRICT: adding a column to a STRICT table reads all of its rows
 * (specs/decisions/007-altering-tables.md), and the type table has checked every cell before it comes here.
 */
export function hotTableDdl(schema: TableSchema): string {
  const key = keyColumn(schema);
  const columns = schema.columns.map((column) => {
    const notNull = column.id === key.id ? " NOT NULL" : "";
    return `c${column.id} ${TYPES[column.type.kind].sqlite}${notNull}`;
  });
  const unique = isScopedByUser(schema.kind) ? `_user, c${key.id}` : `c${key.id}`;
  return `CREATE TABLE ${hotTableName(schema)} (
  _seq INTEGER PRIMARY KEY,
  _user TEXT NOT NULL,
  _deleted INTEGER NOT NULL,
  ${columns.join(",\n  ")},
  UNIQUE (${unique})
)`;
}

/** Rows already there get the column's frozen value without being touched. NULLs are the engine's to refuse: SQLite would read every row. */
export function addColumnDdl(schema: Pick<TableSchema, "id">, column: Column): string {
  const { type, initial } = column;
  const frozen = initial === undefined ? "" : ` DEFAULT ${constantText(cellToSqlite(initial, type))}`;
  return `ALTER TABLE ${hotTableName(schema)} ADD COLUMN c${column.id} ${TYPES[type.kind].sqlite}${frozen}`;
}

/** A value as SQLite's grammar has constants, for the one place where nothing can be bound. */
function constantText(value: SqliteValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (value instanceof Uint8Array) return `X'${value.toHex()}'`;
  if (typeof value === "bigint" || Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : String(value);
  return value === Number.POSITIVE_INFINITY ? "9e999" : "-9e999";
}
