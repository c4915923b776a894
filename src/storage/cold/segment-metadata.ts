// The key-value metadata of a segment file: what the file says about itself, checked whenever it is opened. Column ids, not names, tie a file to a table.
import { DbError } from "../../base/errors.ts";
import { type Scope, type Seq, SHARED_SCOPE, seqOf, type TableId } from "../../base/ids.ts";
import { qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { ColumnKind, SqlType } from "../../model/sql-type.ts";
import { isColumnKind } from "../../model/types.ts";

export interface StoredColumn {
  readonly id: number;
  readonly name: string;
  readonly type: SqlType;
}

export interface SegmentMetadata {
  readonly tableId: number;
  readonly table: string;
  readonly schemaVersion: number;
  readonly user: string;
  readonly minSeq: Seq;
  readonly maxSeq: Seq;
  readonly columns: readonly StoredColumn[];
  readonly hasChecksums: boolean;
}

/** Ids of the system columns. Column ids count up from 1 and never get here. */
export const SEQ_FIELD_ID = 2_147_483_001;
export const DELETED_FIELD_ID = 2_147_483_002;

const PREFIX = "kalamdb.";
/** What kind of checksums the file has. */
const CHECKSUMS = "crc32";

export function segmentMetadata(
  schema: TableSchema,
  scope: Scope,
  range: { readonly minSeq: Seq; readonly maxSeq: Seq },
): { key: string; value: string }[] {
  const columns = schema.columns.map(({ id, name, type }) => ({ id, name, type }));
  const entries: Record<string, string> = {
    table: qualifiedName(schema),
    table_id: String(schema.id),
    schema_version: String(schema.version),
    user: scope,
    min_seq: String(range.minSeq),
    max_seq: String(range.maxSeq),
    columns: JSON.stringify(columns),
    checksums: CHECKSUMS,
  };
  return Object.entries(entries).map(([key, value]) => ({ key: PREFIX + key, value }));
}

/** Throws STORAGE_ERROR for a file that is not one of ours. */
export function parseSegmentMetadata(
  entries: readonly { readonly key: string; readonly value?: string }[],
): SegmentMetadata {
  const valueByKey = new Map(entries.map(({ key, value }) => [key, value]));
  const read = (key: string): string => {
    const value = valueByKey.get(PREFIX + key);
    if (value === undefined) throw broken(`no ${PREFIX}${key}`);
    return value;
  };
  return {
    table: read("table"),
    tableId: Number(readInteger(read("table_id"))),
    schemaVersion: Number(readInteger(read("schema_version"))),
    // A writer may drop an empty value; only a shared table has one.
    user: valueByKey.get(`${PREFIX}user`) ?? SHARED_SCOPE,
    minSeq: seqOf(readInteger(read("min_seq"))),
    maxSeq: seqOf(readInteger(read("max_seq"))),
    columns: parseColumns(read("columns")),
    // Absent in files of earlier versions of the program.
    hasChecksums: valueByKey.get(`${PREFIX}checksums`) === CHECKSUMS,
  };
}

/** A file reached under another table or scope than it was written for would be a leak: refused. */
export function assertBelongsTo(metadata: SegmentMetadata, tableId: TableId, scope: Scope): void {
  if (metadata.tableId !== tableId || metadata.user !== scope) throw broken("it belongs to another table or user");
}

function broken(why: string): DbError {
  return new DbError("STORAGE_ERROR", `not a segment of this table: ${why}`);
}

function readInteger(text: string): bigint {
  if (!/^-?\d{1,19}$/.test(text)) throw broken(`${JSON.stringify(text)} is not a number`);
  return BigInt(text);
}

function parseColumns(text: string): StoredColumn[] {
  let columns: unknown;
  try {
    columns = JSON.parse(text);
  } catch (cause) {
    throw new DbError("STORAGE_ERROR", "the column list of a segment is not JSON", { cause });
  }
  if (!Array.isArray(columns)) throw broken("bad column list");
  return columns.map(parseColumn);
}

function parseColumn(column: unknown): StoredColumn {
  if (typeof column !== "object" || column === null) throw broken("bad column");
  if (!("id" in column && "name" in column && "type" in column)) throw broken("bad column");
  const { id, name, type } = column;
  if (typeof id !== "number" || typeof name !== "string") throw broken("bad column");
  return { id, name, type: parseType(type) };
}

function isStoredKind(kind: unknown): kind is ColumnKind {
  return typeof kind === "string" && isColumnKind(kind);
}

function parseType(type: unknown): SqlType {
  if (typeof type !== "object" || type === null || !("kind" in type) || !isStoredKind(type.kind))
    throw broken("bad type");
  if (type.kind === "embedding") {
    if (!("dimensions" in type) || typeof type.dimensions !== "number") throw broken("bad embedding");
    return { kind: "embedding", dimensions: type.dimensions };
  }
  if (type.kind !== "decimal") return { kind: type.kind };
  if (!("precision" in type && "scale" in type)) throw broken("bad decimal");
  const { precision, scale } = type;
  if (typeof precision !== "number" || typeof scale !== "number") throw broken("bad decimal");
  return { kind: "decimal", precision, scale };
}
