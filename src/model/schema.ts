// Tables as data: what the catalog stores and every other part reads.
import type { Name, Seq, TableId } from "../base/ids.ts";
import type { AccessLevel } from "./role.ts";
import { BIGINT, BOOLEAN, type Cell, type SqlType } from "./sql-type.ts";

export const TABLE_KINDS = ["user", "shared", "stream"] as const;
export type TableKind = (typeof TABLE_KINDS)[number];

export const DEFAULT_FUNCTIONS = ["NOW", "CURRENT_USER", "SNOWFLAKE_ID", "UUID_V7", "ULID"] as const;
export type DefaultFunction = (typeof DEFAULT_FUNCTIONS)[number];

export type ColumnDefault =
  | { readonly kind: "literal"; readonly value: Cell }
  | { readonly kind: "function"; readonly name: DefaultFunction };

export interface Column {
  /** 1-based, never reused within a table: old Parquet files find their columns by it. */
  readonly id: number;
  readonly name: Name;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly default: ColumnDefault | undefined;
  /** What rows hold that were written before the column was added, fixed at that moment. Absent: NULL, or the column is as old as the table. */
  readonly initial?: Cell;
  /** Above every `_seq` given out before an ALTER TABLE added it or gave it this name. Absent: it has had its name for as long as there is a record of it. */
  readonly namedAtSeq?: Seq;
}

export interface FlushPolicy {
  /** Flush when this many rows are buffered in the table. */
  readonly rows: number | undefined;
  /** Flush when this many seconds have passed since the last flush and rows are buffered. */
  readonly intervalSeconds: number | undefined;
}

export interface TableOptions {
  readonly storageId: string;
  /** USER tables only: a user's rows go to the user's own storage, if there is one. */
  readonly useUserStorage?: boolean;
  readonly flushPolicy: FlushPolicy | undefined;
  /** SHARED tables only. */
  readonly accessLevel: AccessLevel;
  /** STREAM tables only: how long a row is there. */
  readonly ttlSeconds?: number;
  /** STREAM tables only: rows are kept in the data file as well, and are there again after a restart. */
  readonly isPersisted?: boolean;
  /** USER and SHARED tables: how long the ends of flushed rows are kept. Absent: as long as the server's setting says. */
  readonly deletedRetentionHours?: number;
}

export interface IndexColumn {
  /** Of the table's column. */
  readonly id: number;
  readonly descending: boolean;
}

/** Of buffered rows. No part of a table's version: rows and columns are the same with it and without it. */
export interface TableIndex {
  /** Unique in the namespace. */
  readonly name: Name;
  readonly columns: readonly IndexColumn[];
}

export interface TableSchema {
  readonly id: TableId;
  readonly namespace: Name;
  readonly name: Name;
  readonly kind: TableKind;
  /** In creation order. Rows in memory are arrays in this order. */
  readonly columns: readonly Column[];
  /** Position of the primary key in `columns`. */
  readonly keyIndex: number;
  /** Starts at 1; every ALTER makes the next. */
  readonly version: number;
  /** The highest column id there ever was, dropped columns included. Absent while no column was dropped or added. */
  readonly lastColumnId?: number;
  readonly options: TableOptions;
  /** In the order they were made, no two of the same columns. Absent: none. */
  readonly indexes?: readonly TableIndex[];
  /** Above every `_seq` given out before it was created, so above all that an earlier table of its name held. Absent where it was not kept yet. */
  readonly createdAtSeq?: Seq;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** System columns, shown last by `SELECT *`. */
export const SEQ_COLUMN = "_seq";
export const DELETED_COLUMN = "_deleted";
export const SYSTEM_COLUMNS: readonly { readonly name: string; readonly type: SqlType }[] = [
  { name: SEQ_COLUMN, type: BIGINT },
  { name: DELETED_COLUMN, type: BOOLEAN },
];

export function qualifiedName(table: { readonly namespace: string; readonly name: string }): string {
  return `${table.namespace}.${table.name}`;
}

export function keyColumn(schema: TableSchema): Column {
  const column = schema.columns[schema.keyIndex];
  if (column === undefined) throw new Error(`table ${qualifiedName(schema)} has no key column`);
  return column;
}

export type SchemaFlag = "pk" | "nn" | "uq";

/** One column of a result, as `schema` on the wire has it. */
export interface OutputColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly flags: readonly SchemaFlag[];
}
