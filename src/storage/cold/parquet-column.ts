// How each SQL type looks in a Parquet file: the annotated element that other readers see, the element we hand to the encoder, and the two conversions.
// Exactness rules here: decimals stay bigints, timestamps stay µs, text keeps a leading byte order mark. The library's own rich decoding keeps none of
// these, so files are read through physical elements alone.
import type { SchemaElement } from "hyparquet";
import { DbError } from "../../base/errors.ts";
import type { Cell, SqlType, TypeKind } from "../../model/sql-type.ts";

type Present = Exclude<Cell, null>;

/** A value of Parquet's physical types. */
export type PhysicalValue = boolean | number | bigint | string | Uint8Array;

export interface ParquetColumn {
  /** Annotations of the element in the file, without name and repetition. */
  readonly element: (type: SqlType) => Omit<SchemaElement, "name" | "repetition_type">;
  /** What is below the element of a list, whose physical value is the bytes of its numbers. */
  readonly children?: readonly SchemaElement[];
  /**
   * True when the encoder must see the annotations (it orders decimals by sign and encodes text by them). Without them it takes physical values as they
   * are, which also gives Bloom filters to types it would refuse to hash.
   */
  readonly encodeAnnotated: boolean;
  /** False where min and max have no meaning. */
  readonly statistics: boolean;
  readonly toPhysical: (cell: Present) => PhysicalValue;
  /** Takes what a physical read gives: BYTE_ARRAY and FIXED_LEN_BYTE_ARRAY as bytes, and so a list of numbers. */
  readonly fromPhysical: (value: unknown) => Present;
}

const DECIMAL_BYTES = 16;
const UUID_BYTES = 16;

function unexpected(what: string, value: unknown): DbError {
  return new DbError("STORAGE_ERROR", `Parquet value of type ${what} expected, got ${typeof value}`);
}

function asNumber(value: unknown): number {
  if (typeof value === "number") return value;
  throw unexpected("number", value);
}

function asBigint(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  throw unexpected("INT64", value);
}

function asBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unexpected("BYTE_ARRAY", value);
}

function asBoolean(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw unexpected("BOOLEAN", value);
}

function same(cell: Present): PhysicalValue {
  return cell;
}

/** -0 and 0 are one value to SQLite, so they must be one value to a Bloom filter. */
function withoutNegativeZero(cell: Present): PhysicalValue {
  return cell === 0 ? 0 : cell;
}

/** Buffer's decoder, unlike TextDecoder's default, keeps a leading byte order mark. */
export function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

/** A read of a whole column has decoded each entry of its dictionary already. */
function asText(value: unknown): string {
  return typeof value === "string" ? value : utf8(asBytes(value));
}

function uuidBytes(cell: Present): Uint8Array {
  return Uint8Array.fromHex(String(cell).replaceAll("-", ""));
}

function uuidText(value: unknown): string {
  const hex = asBytes(value).toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Big-endian two's complement. */
function decimalFromBytes(value: unknown): bigint {
  const bytes = asBytes(value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (view.getBigInt64(0) << 64n) | view.getBigUint64(8);
}

/** No logical type: the encoder writes its width as a number of another size, and readers in C++ and Java refuse the whole file. */
function integer(bitWidth: 16 | 32 | 64): ParquetColumn["element"] {
  return () => ({ type: bitWidth === 64 ? "INT64" : "INT32", converted_type: `INT_${bitWidth}` });
}

const small: Omit<ParquetColumn, "element"> = {
  encodeAnnotated: false,
  statistics: true,
  toPhysical: same,
  fromPhysical: asNumber,
};

const wide: Omit<ParquetColumn, "element"> = { ...small, fromPhysical: asBigint };

const timestamp: ParquetColumn = {
  ...wide,
  element: () => ({
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  }),
};

const text: ParquetColumn = {
  element: () => ({ type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } }),
  encodeAnnotated: true,
  statistics: true,
  toPhysical: same,
  fromPhysical: asText,
};

const document: ParquetColumn = {
  // The encoder turns values of an annotated JSON column into JSON once more; ours are JSON text already.
  element: () => ({ type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } }),
  encodeAnnotated: false,
  statistics: false,
  toPhysical: same,
  fromPhysical: asText,
};

export const PARQUET_COLUMNS: Record<TypeKind, ParquetColumn> = {
  boolean: { ...small, element: () => ({ type: "BOOLEAN" }), fromPhysical: asBoolean },
  smallint: { ...small, element: integer(16) },
  int: { ...small, element: integer(32) },
  bigint: { ...wide, element: integer(64) },
  float: { ...small, element: () => ({ type: "FLOAT" }), toPhysical: withoutNegativeZero },
  double: { ...small, element: () => ({ type: "DOUBLE" }), toPhysical: withoutNegativeZero },
  decimal: {
    element: (type) => {
      const { precision, scale } = type.kind === "decimal" ? type : { precision: 38, scale: 0 };
      return {
        type: "FIXED_LEN_BYTE_ARRAY",
        type_length: DECIMAL_BYTES,
        converted_type: "DECIMAL",
        precision,
        scale,
        logical_type: { type: "DECIMAL", precision, scale },
      };
    },
    encodeAnnotated: true,
    statistics: true,
    toPhysical: same,
    fromPhysical: decimalFromBytes,
  },
  text,
  timestamp,
  datetime: timestamp,
  date: {
    ...small,
    element: () => ({ type: "INT32", converted_type: "DATE", logical_type: { type: "DATE" } }),
  },
  time: {
    ...wide,
    // A time of day has no zone; the older annotation would say it is UTC.
    element: () => ({ type: "INT64", logical_type: { type: "TIME", isAdjustedToUTC: false, unit: "MICROS" } }),
    toPhysical: (cell) => BigInt(asNumber(cell)),
    fromPhysical: (value) => Number(asBigint(value)),
  },
  json: document,
  bytes: {
    ...small,
    element: () => ({ type: "BYTE_ARRAY" }),
    // The read gives a view into a whole page, which a small value must not keep alive.
    fromPhysical: (value) => asBytes(value).slice(),
  },
  // No column has one.
  interval: text,
  array: text,
  embedding: {
    element: () => ({ num_children: 1, converted_type: "LIST", logical_type: { type: "LIST" } }),
    children: [
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", repetition_type: "REQUIRED", type: "FLOAT" },
    ],
    encodeAnnotated: true,
    statistics: false,
    toPhysical: same,
    // In older files the whole list is one FIXED_LEN_BYTE_ARRAY; its bytes are the same.
    fromPhysical: (value) => asBytes(value).slice(),
  },
  uuid: {
    ...small,
    element: () => ({ type: "FIXED_LEN_BYTE_ARRAY", type_length: UUID_BYTES, logical_type: { type: "UUID" } }),
    toPhysical: uuidBytes,
    fromPhysical: uuidText,
  },
  file: document,
};

const BYTES_PER_NUMBER = 4;

/** Of each value of a type whose values are lists; 0 of others. */
export function listBytes(type: SqlType): number {
  return type.kind === "embedding" ? type.dimensions * BYTES_PER_NUMBER : 0;
}

/** An element without its annotations: values go in and come out as they are stored. */
export function physicalElement(element: SchemaElement): SchemaElement {
  const { name, type, type_length, repetition_type, num_children, field_id } = element;
  return {
    name,
    ...(type === undefined ? {} : { type }),
    ...(type_length === undefined ? {} : { type_length }),
    ...(repetition_type === undefined ? {} : { repetition_type }),
    ...(num_children === undefined ? {} : { num_children }),
    ...(field_id === undefined ? {} : { field_id }),
  };
}
