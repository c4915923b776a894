// The type table: one row per SQL type says everything that depends on a type. DDL, validation, SQLite storage, Parquet, JSON and
// MessagePack all read from here, so a type cannot mean two things.
import { DbError } from "../base/errors.ts";
import { arrayOfCells, cellsOfArray, formatArray, parseArrayText } from "./array.ts";
import { formatDecimal, fromSortableText, MAX_PRECISION, parseDecimal, toSortableText } from "./decimal.ts";
import { embeddingNumbers, formatEmbedding, parseEmbedding } from "./embedding.ts";
import { decodeFileRef, encodeFileRef } from "./file-ref.ts";
import { formatInterval, intervalCell, intervalOf } from "./interval.ts";
import { parseInterval } from "./parse-interval.ts";
import { float, integer, mismatch, type Present } from "./parse-number.ts";
import { parseBoolean, parseBytes, parseJson, parseTemporal, parseText, parseUuid } from "./parse-value.ts";
import {
  arrayOf,
  type Cell,
  type ColumnKind,
  elementType,
  type SqliteValue,
  type SqlType,
  TEXT,
  type TypeKind,
  type WireCell,
  type WireType,
} from "./sql-type.ts";
import { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from "./temporal.ts";

export type ParquetPhysical =
  | "BOOLEAN"
  | "INT32"
  | "INT64"
  | "FLOAT"
  | "DOUBLE"
  | "BYTE_ARRAY"
  | "FIXED_LEN_BYTE_ARRAY";

export interface TypeRow {
  /** Spellings in DDL and casts, lower case; the first is the canonical one. */
  readonly names: readonly string[];
  readonly wireName: (type: SqlType) => WireType;
  /** Column type in a STRICT table. */
  readonly sqlite: "INTEGER" | "REAL" | "TEXT" | "BLOB";
  /** True when SQLite's integer may exceed 2^53, so a SELECT must read it as text to stay exact without BigInt reads. */
  readonly wide: boolean;
  readonly parquet: ParquetPhysical;
  /** Untrusted input (a parameter, or a literal's text) → cell. Throws INVALID_VALUE; the caller adds the column. */
  readonly parse: (input: Exclude<Cell, null>, type: SqlType) => Exclude<Cell, null>;
  readonly toSqlite: (cell: Exclude<Cell, null>) => Exclude<SqliteValue, null>;
  /** Accepts number, bigint and (for wide types) decimal text for integers. */
  readonly fromSqlite: (value: Exclude<SqliteValue, null>) => Exclude<Cell, null>;
  readonly toWire: (cell: Exclude<Cell, null>, type: SqlType) => WireCell;
  /** PostgreSQL's text form, for casts to text. */
  readonly toText: (cell: Exclude<Cell, null>, type: SqlType) => string;
}

const int16 = integer("smallint", -(2n ** 15n), 2n ** 15n - 1n);
const int32 = integer("integer", -(2n ** 31n), 2n ** 31n - 1n);
const int64 = integer("bigint", -(2n ** 63n), 2n ** 63n - 1n);

const US_PER_DAY = 86_400_000_000n;
/** 4713 BC to AD 294276, PostgreSQL's range, in µs. */
const timestampRange = integer("timestamp", -210_866_803_200_000_000n, 9_223_371_331_200_000_000n);
const dateRange = integer("date", -2_440_588n, 106_751_990n);
const timeRange = integer("time", 0n, US_PER_DAY);

const asNumber = (value: Exclude<SqliteValue, null>): number => Number(value);
const asBigint = (value: Exclude<SqliteValue, null>): bigint => BigInt(value as number | bigint | string);
const asString = (value: Exclude<SqliteValue, null>): string => String(value);
const same = (cell: Present): Exclude<SqliteValue, null> => cell as Exclude<SqliteValue, null>;
const wireNumber = (cell: Present): WireCell => cell as number;
const wireText = (cell: Present): WireCell => String(cell);
/** JSON has no NaN or Infinity; PostgreSQL's names for them travel as text. */
const wireFloat = (cell: Present): WireCell => (Number.isFinite(cell) ? (cell as number) : String(cell));
const plainText = (cell: Present): string => String(cell);
const named = (name: string) => (): WireType => name;
/** Timestamps are numbers on the wire, and MessagePack takes a bigint only where a number would round. */
const wireTimestamp = (cell: Present): WireCell =>
  Number.isSafeInteger(Number(cell)) ? Number(cell) : (cell as bigint);

function scaleOf(type: SqlType): { precision: number; scale: number } {
  return type.kind === "decimal" ? type : { precision: MAX_PRECISION, scale: 10 };
}

function dimensionsOf(type: SqlType): number {
  return type.kind === "embedding" ? type.dimensions : 0;
}

function integerRow(
  names: readonly string[],
  wire: string,
  parquet: ParquetPhysical,
  parse: (input: Present) => bigint,
): TypeRow {
  return {
    names,
    wireName: named(wire),
    sqlite: "INTEGER",
    wide: false,
    parquet,
    parse: (input) => Number(parse(input)),
    toSqlite: same,
    fromSqlite: asNumber,
    toWire: wireNumber,
    toText: plainText,
  };
}

function floatRow(
  names: readonly string[],
  wire: string,
  parquet: ParquetPhysical,
  round: (value: number) => number,
): TypeRow {
  return {
    names,
    wireName: named(wire),
    sqlite: "REAL",
    wide: false,
    parquet,
    parse: float(wire === "Float" ? "real" : "double precision", round),
    // bun:sqlite binds NaN as NULL; no REAL can hold it, so it is refused rather than lost.
    toSqlite: (cell) => {
      if (Number.isNaN(cell)) throw new DbError("INVALID_VALUE", "NaN cannot be stored");
      return cell as number;
    },
    fromSqlite: asNumber,
    toWire: wireFloat,
    toText: plainText,
  };
}

function textRow(names: readonly string[], wire: string, parse: (input: Present) => string): TypeRow {
  return {
    names,
    wireName: named(wire),
    sqlite: "TEXT",
    wide: false,
    parquet: "BYTE_ARRAY",
    parse,
    toSqlite: same,
    fromSqlite: asString,
    toWire: wireText,
    toText: plainText,
  };
}

function timestampRow(names: readonly string[], wire: string): TypeRow {
  return {
    names,
    wireName: named(wire),
    sqlite: "INTEGER",
    wide: true,
    parquet: "INT64",
    parse: parseTemporal(names[0] ?? wire, (text) => parseTimestamp(text), timestampRange),
    toSqlite: same,
    fromSqlite: asBigint,
    toWire: wireTimestamp,
    toText: (cell) => formatTimestamp(cell as bigint),
  };
}

/** What columns may be. */
export const COLUMN_TYPES: Record<ColumnKind, TypeRow> = {
  boolean: {
    names: ["boolean", "bool"],
    wireName: named("Boolean"),
    sqlite: "INTEGER",
    wide: false,
    parquet: "BOOLEAN",
    parse: parseBoolean,
    toSqlite: (cell) => (cell === true ? 1 : 0),
    fromSqlite: (value) => Number(value) !== 0,
    toWire: (cell) => cell as boolean,
    toText: plainText,
  },
  smallint: integerRow(["smallint", "int2", "smallserial"], "SmallInt", "INT32", int16),
  int: integerRow(["int", "integer", "int4", "mediumint", "signed", "serial", "serial4"], "Int", "INT32", int32),
  bigint: {
    names: ["bigint", "int8", "int64", "bigserial", "serial8"],
    wireName: named("BigInt"),
    sqlite: "INTEGER",
    wide: true,
    parquet: "INT64",
    parse: int64,
    toSqlite: same,
    fromSqlite: asBigint,
    toWire: wireText,
    toText: plainText,
  },
  float: floatRow(["float", "real", "float4"], "Float", "FLOAT", Math.fround),
  double: floatRow(["double", "double precision", "float8", "float64"], "Double", "DOUBLE", (value) => value),
  decimal: {
    names: ["decimal", "numeric", "dec"],
    wireName: (type) => ({ Decimal: { precision: scaleOf(type).precision, scale: scaleOf(type).scale } }),
    sqlite: "TEXT",
    wide: false,
    parquet: "FIXED_LEN_BYTE_ARRAY",
    parse: (input, type) => {
      if (typeof input === "boolean" || input instanceof Uint8Array) throw mismatch("decimal", input);
      return parseDecimal(String(input), scaleOf(type).precision, scaleOf(type).scale);
    },
    toSqlite: (cell) => toSortableText(cell as bigint),
    fromSqlite: (value) => fromSortableText(String(value)),
    toWire: (cell, type) => formatDecimal(cell as bigint, scaleOf(type).scale),
    toText: (cell, type) => formatDecimal(cell as bigint, scaleOf(type).scale),
  },
  text: textRow(
    ["text", "string", "varchar", "char", "character varying", "character", "bpchar", "nvarchar", "clob"],
    "Text",
    parseText,
  ),
  timestamp: timestampRow(["timestamp"], "Timestamp"),
  // An instant: what has a zone in PostgreSQL is shown in UTC here.
  datetime: {
    ...timestampRow(["datetime", "timestamptz", "timestamp with time zone"], "DateTime"),
    parse: parseTemporal("datetime", (text) => parseTimestamp(text, "timestamp with time zone"), timestampRange),
    toText: (cell) => `${formatTimestamp(cell as bigint)}+00`,
  },
  date: {
    names: ["date"],
    wireName: named("Date"),
    sqlite: "INTEGER",
    wide: false,
    parquet: "INT32",
    parse: parseTemporal("date", parseDate, (value) => Number(dateRange(value))),
    toSqlite: same,
    fromSqlite: asNumber,
    toWire: wireNumber,
    toText: (cell) => formatDate(cell as number),
  },
  time: {
    names: ["time"],
    wireName: named("Time"),
    sqlite: "INTEGER",
    wide: false,
    parquet: "INT64",
    parse: parseTemporal("time", parseTime, (value) => Number(timeRange(value))),
    toSqlite: same,
    fromSqlite: asNumber,
    toWire: wireNumber,
    toText: (cell) => formatTime(cell as number),
  },
  json: textRow(["json", "jsonb"], "Json", parseJson),
  bytes: {
    names: ["bytes", "bytea", "binary", "varbinary", "blob"],
    wireName: named("Bytes"),
    sqlite: "BLOB",
    wide: false,
    parquet: "BYTE_ARRAY",
    parse: parseBytes,
    toSqlite: same,
    fromSqlite: (value) => value as Uint8Array,
    toWire: (cell) => Array.from(cell as Uint8Array),
    toText: (cell) => `\\x${(cell as Uint8Array).toHex()}`,
  },
  uuid: textRow(["uuid"], "Uuid", parseUuid),
  embedding: {
    names: ["embedding", "vector"],
    wireName: (type) => ({ Embedding: dimensionsOf(type) }),
    sqlite: "BLOB",
    wide: false,
    parquet: "FIXED_LEN_BYTE_ARRAY",
    parse: (input, type) => parseEmbedding(input, dimensionsOf(type)),
    toSqlite: same,
    fromSqlite: (value) => value as Uint8Array,
    toWire: (cell) => Array.from(embeddingNumbers(cell as Uint8Array)),
    toText: (cell) => formatEmbedding(cell as Uint8Array),
  },
  file: textRow(["file"], "File", (input) => encodeFileRef(decodeFileRef(parseText(input)))),
};

function parseArray(input: Present, type: SqlType): string {
  const element = elementType(type);
  if (typeof input !== "string") throw mismatch("array", input);
  const { parse } = TYPES[element.kind];
  return arrayOfCells(
    parseArrayText(input).map((text) => (text === null ? null : parse(text, element))),
    element.kind,
  );
}

/** The cells of a list as an array. */
export function arrayFromList(list: readonly Cell[], type: SqlType): string {
  const element = elementType(type);
  const { parse } = TYPES[element.kind];
  return arrayOfCells(
    list.map((item) => (item === null ? null : parse(item, element))),
    element.kind,
  );
}

export const TYPES: Record<TypeKind, TypeRow> = {
  ...COLUMN_TYPES,
  interval: {
    ...textRow(["interval"], "Interval", (input) => {
      if (typeof input !== "string") throw mismatch("interval", input);
      return intervalCell(parseInterval(input));
    }),
    toWire: (cell) => formatInterval(intervalOf(String(cell))),
    toText: (cell) => formatInterval(intervalOf(String(cell))),
  },
  array: {
    ...textRow(["array"], "Array", String),
    wireName: (type) => ({ Array: TYPES[elementType(type).kind].wireName(elementType(type)) }),
    parse: parseArray,
    toWire: (cell, type) => arrayCells(cell, type).map((item) => cellToWire(item, elementType(type))),
    toText: (cell, type) => arrayText(cell, type, TYPES[elementType(type).kind].toText),
  },
};

function arrayCells(cell: Present, type: SqlType): readonly Cell[] {
  return cellsOfArray(String(cell), elementType(type).kind);
}

/** `{1,2}`, each element by the text given; PostgreSQL writes booleans as letters there. */
export function arrayText(cell: Present, type: SqlType, toText: TypeRow["toText"]): string {
  const element = elementType(type);
  return formatArray(
    arrayCells(cell, type).map((item) => {
      if (item === null) return null;
      return typeof item === "boolean" ? (item ? "t" : "f") : toText(item, element);
    }),
  );
}

export function isTypeKind(kind: string): kind is TypeKind {
  return Object.hasOwn(TYPES, kind);
}

/** A type of a kind, for what depends on neither precision nor scale, nor on the elements of an array. */
export function typeOfKind(kind: TypeKind): SqlType {
  if (kind === "array") return arrayOf(TEXT);
  if (kind === "embedding") return { kind, dimensions: 0 };
  return kind === "decimal" ? { kind, precision: MAX_PRECISION, scale: 0 } : { kind };
}

export function isColumnKind(kind: string): kind is ColumnKind {
  return Object.hasOwn(COLUMN_TYPES, kind);
}

/** How a type reads in messages and DESCRIBE: `BIGINT`, `DECIMAL(10, 2)`. */
export function typeText(type: SqlType): string {
  if (type.kind === "array") return `${typeText(type.element)}[]`;
  const name = (TYPES[type.kind].names[0] ?? type.kind).toUpperCase();
  if (type.kind === "decimal") return `${name}(${type.precision}, ${type.scale})`;
  return type.kind === "embedding" && type.dimensions > 0 ? `${name}(${type.dimensions})` : name;
}

/** A cell as JSON text, exactly as wire.md's cell encoding has it. */
export function cellToJson(cell: Cell, type: SqlType): string {
  if (cell === null) return "null";
  if (type.kind === "array") {
    const element = elementType(type);
    return `[${arrayCells(cell, type)
      .map((item) => cellToJson(item, element))
      .join(",")}]`;
  }
  const wire = TYPES[type.kind].toWire(cell, type);
  return typeof wire === "bigint" ? wire.toString() : JSON.stringify(wire);
}

export function cellToWire(cell: Cell, type: SqlType): WireCell {
  return cell === null ? null : TYPES[type.kind].toWire(cell, type);
}

/** Validates a value for a column. The error names column, expected type and value. */
export function parseCell(input: Cell, type: SqlType, column: string): Cell {
  if (input === null) return null;
  try {
    return TYPES[type.kind].parse(input, type);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    throw new DbError("INVALID_VALUE", `Column '${column}' expects ${typeText(type)}: ${error.message}`, {
      cause: error,
    });
  }
}

export function cellToSqlite(cell: Cell, type: SqlType): SqliteValue {
  return cell === null ? null : TYPES[type.kind].toSqlite(cell);
}

export function cellFromSqlite(value: SqliteValue, type: SqlType): Cell {
  return value === null ? null : TYPES[type.kind].fromSqlite(value);
}
