// One column of one row group of an open segment file → SQLite's forms, as the wanted definition of the table has them: a column that the file is too old for has the
// value that was fixed when it was added, a widened one is converted.
import type { AsyncBuffer } from "hyparquet";
import { DbError } from "../../base/errors.ts";
import type { TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, type SqliteValue, type SqlType, sameType } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";
import { chunkRange } from "./chunk-pages.ts";
import { decodeRows as decodeChunkRows } from "./chunk-rows.ts";
import { type ChunkFormat, type Convert, decodeChunk } from "./column-chunk.ts";
import { type ColumnVector, valueReader } from "./column-vector.ts";
import { listBytes, PARQUET_COLUMNS } from "./parquet-column.ts";
import { chunkOf, DELETED_FIELD, fieldName, SEQ_FIELD, type SegmentFooter, storedType } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface ColumnOfFile {
  readonly file: AsyncBuffer;
  readonly footer: SegmentFooter;
  readonly schema: TableSchema;
  readonly group: number;
  /** Counts the table's columns, then `_seq`, then `_deleted`. */
  readonly place: number;
}

/** All rows of the group. */
export async function decodeColumn(column: ColumnOfFile): Promise<ColumnVector> {
  const { footer, schema, group, place } = column;
  const rows = Number(footer.metadata.row_groups[group]?.num_rows);
  const source = await chunkSource(column);
  if ("constant" in source) return { length: rows, codes: new Uint16Array(rows), values: [source.constant] };
  const values = decodeChunk(source.bytes, source.format, rows);
  if (place === schema.keyIndex) assertOrdered(values);
  return values;
}

/** A few rows of the group, at ascending positions, without decoding pages that none of them is in. */
export async function decodeRows(column: ColumnOfFile, positions: readonly number[]): Promise<SqliteValue[]> {
  const source = await chunkSource(column);
  if ("constant" in source) return positions.map(() => source.constant);
  return decodeChunkRows(source.bytes, source.format, positions);
}

/** By halves of 32 bits: as bigints, each would be an object. */
function isAscending({ buffer, byteOffset, length }: BigInt64Array): boolean {
  const high = new Int32Array(buffer, byteOffset, length * 2);
  const low = new Uint32Array(buffer, byteOffset, length * 2);
  for (let at = 2; at < high.length; at += 2) {
    const before = high[at - 1] ?? 0;
    const now = high[at + 1] ?? 0;
    if (before > now || (before === now && (low[at - 2] ?? 0) >= (low[at] ?? 0))) return false;
  }
  return true;
}

type ChunkSource =
  /** The file is older than the column. */
  { readonly constant: SqliteValue } | { readonly bytes: ArrayBuffer; readonly format: ChunkFormat };

async function chunkSource({ file, footer, schema, group, place }: ColumnOfFile): Promise<ChunkSource> {
  const { field, ...of } = fieldOf(footer, schema, place);
  if (field === undefined) return { constant: of.convert(undefined) };
  const chunk = chunkOf(footer, group, field);
  if (chunk === undefined) throw new DbError("STORAGE_ERROR", "a column chunk is missing");
  const { start, end } = chunkRange(chunk);
  return { bytes: await file.slice(start, end), format: { metadata: footer.metadata, chunk, ...of } };
}

/** The merge of versions steps through keys in order. */
function assertOrdered(keys: ColumnVector): void {
  if (keys instanceof BigInt64Array && isAscending(keys)) return;
  const keyAt = valueReader(keys);
  for (let at = 1; at < keys.length; at += 1) {
    if (compareSqlite(keyAt(at - 1), keyAt(at)) >= 0) {
      throw new DbError("STORAGE_ERROR", "its rows are not in the order of their keys");
    }
  }
}

interface Field extends Pick<ChunkFormat, "convert" | "isVerbatim" | "listBytes"> {
  /** Undefined: the file is older than the column, and every row has `convert(undefined)`. */
  readonly field: string | undefined;
}

/** Where a column's values are in the file, and how they become SQLite's. */
function fieldOf(footer: SegmentFooter, schema: TableSchema, place: number): Field {
  const column = schema.columns[place];
  if (column === undefined) {
    return place === schema.columns.length
      ? { field: SEQ_FIELD, convert: converter(BIGINT, BIGINT), isVerbatim: true }
      : { field: DELETED_FIELD, convert: converter(BOOLEAN, BOOLEAN), isVerbatim: false };
  }
  const stored = storedType(footer.stored, column);
  if (stored === undefined) {
    const initial = cellToSqlite(column.initial ?? null, column.type);
    return { field: undefined, convert: () => initial, isVerbatim: false };
  }
  const isSame = isVerbatim(stored) && sameType(stored, column.type);
  return {
    field: fieldName(column.id),
    convert: converter(stored, column.type),
    isVerbatim: isSame,
    listBytes: listBytes(stored),
  };
}

/** Its numbers are the same in a file and in SQLite. */
export function isVerbatim({ kind }: SqlType): boolean {
  return VERBATIM.has(kind);
}

const VERBATIM: ReadonlySet<string> = new Set(["smallint", "int", "bigint", "timestamp", "datetime", "date"]);

function converter(stored: SqlType, wanted: SqlType): Convert {
  const { fromPhysical } = PARQUET_COLUMNS[stored.kind];
  if (sameType(stored, wanted)) {
    const { toSqlite } = TYPES[stored.kind];
    return (value) => (value === null || value === undefined ? null : toSqlite(fromPhysical(value)));
  }
  const { toText } = TYPES[stored.kind];
  const { parse, toSqlite } = TYPES[wanted.kind];
  return (value) =>
    value === null || value === undefined ? null : toSqlite(parse(toText(fromPhysical(value), stored), wanted));
}
