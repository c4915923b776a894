// The type table: one row per SQL type says everything that depends on a type. DDL, validation, SQLite storage, Parquet, JSON and
// MessagePack all read from here, so a type cannot mean two things.
import { DbError } from "../base/errors.ts";
import { formatDecimal, fromSortableText, MAX_PRECISION, parseDecimal, toSortableText } from "./decimal.ts";
import { embeddingNumbers, formatEmbedding, parseEmbedding } from "./embedding.ts";
import type { Cell, SqliteValue, SqlType, TypeKind, WireCell, WireType } from "./sql-type.ts";
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

type Present = Exclude<Cell, null>;

function quoted(input: Present): string {
  return typeof input === "bigint" || typeof input === "number" || typeof input === "boolean"
    ? String(input)
    : JSON.stringify(input);
}

function mismatch(what: string, input: Present): DbError {
  return new DbError("INVALID_VALUE", `invalid input syntax for type ${what}: ${quoted(input)}`);
}

function integer(what: string, min: bigint, max: bigint): (input: Present) => bigint {
  return (input) => {
    let value: bigint;
    if (typeof input === "bigint") value = input;
    else if (typeof input === "number" && Number.isInteger(input)) value = BigInt(input);
    else if (typeof input === "number" && Number.isFinite(input)) value = BigInt(Math.round(input));
    else if (typeof input === "string" && /^\s*[+-]?\d{1,40}\s*$/.test(input))
      value = BigInt(input.trim().replace(/^\+/, ""));
    else throw mismatch(what, input);
    if (value < min || value > max) {
      throw new DbError("INVALID_VALUE", `value ${quoted(input)} is out of range for type ${what}`);
    }
    return value;
  };
}

const int16 = integer("smallint", -(2n ** 15n), 2n ** 15n - 1n);
const int32 = integer("integer", -(2n ** 31n), 2n ** 31n - 1n);
const int64 = integer("bigint", -(2n ** 63n), 2n ** 63n - 1n);

const FLOAT_TEXT = /^\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)|nan)\s*$/i;

function float(what: string, round: (value: number) => number): (input: Present) => number {
  return (input) => {
    if (typeof input === "number") return round(input);
    if (typeof input === "bigint") return round(Number(input));
    if (typeof input !== "string" || !FLOAT_TEXT.test(input)) throw mismatch(what, input);
    const text = input.trim().toLowerCase();
    if (text === "nan") return Number.NaN;
    if (text.includes("inf")) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return round(Number(text));
  };
}

function parseBoolean(input: Present): boolean {
  if (typeof input === "boolean") return input;
  if (input === 0 || input === 0n) return false;
  if (input === 1 || input === 1n) return true;
  if (typeof input === "string") {
    const text = input.trim().toLowerCase();
    if (["t", "true", "y", "yes", "on", "1"].includes(text)) return true;
    if (["f", "false", "n", "no", "off", "0"].includes(text)) return false;
  }
  throw mismatch("boolean", input);
}

function text(input: Present): string {
  if (typeof input === "string") {
    // PostgreSQL refuses NUL in text; SQLite would store it and cut the value in C-string functions.
    if (input.includes("\u0000")) throw new DbError("INVALID_VALUE", "invalid byte sequence for type text: 0x00");
    return input.isWellFormed() ? input : input.toWellFormed();
  }
  if (input instanceof Uint8Array) throw mismatch("text", input);
  return String(input);
}

function parseJson(input: Present): string {
  const source = text(input);
  try {
    JSON.parse(source);
  } catch (cause) {
    throw new DbError("INVALID_VALUE", "invalid input syntax for type json", { cause });
  }
  return source;
}

const UUID_TEXT = /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;

function parseUuid(input: Present): string {
  const match = typeof input === "string" ? UUID_TEXT.exec(input.trim()) : null;
  if (!match) throw mismatch("uuid", input);
  return match.slice(1).join("-").toLowerCase();
}

function parseBytes(input: Present): Uint8Array {
  if (input instanceof Uint8Array) return input;
  if (typeof input !== "string") throw mismatch("bytes", input);
  const hex = /^(?:\\x|0x)((?:[0-9a-f]{2})*)$/i.exec(input.trim())?.[1];
  return hex === undefined ? new TextEncoder().encode(input) : Uint8Array.fromHex(hex);
}

function temporal<T extends number | bigint>(
  what: string,
  fromText: (text: string) => T,
  fromInteger: (value: bigint) => T,
): (input: Present) => T {
  return (input) => {
    if (typeof input === "string") return fromText(input);
    if (typeof input === "bigint") return fromInteger(input);
    if (typeof input === "number" && Number.isInteger(input)) return fromInteger(BigInt(input));
    throw mismatch(what, input);
  };
}

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
    parse: float(names[0] ?? wire, round),
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
    parse: temporal(names[0] ?? wire, parseTimestamp, timestampRange),
    toSqlite: same,
    fromSqlite: asBigint,
    toWire: wireTimestamp,
    toText: (cell) => formatTimestamp(cell as bigint),
  };
}

export const TYPES: Record<TypeKind, TypeRow> = {
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
    text,
  ),
  timestamp: timestampRow(["timestamp", "timestamptz", "timestamp with time zone"], "Timestamp"),
  datetime: timestampRow(["datetime"], "DateTime"),
  date: {
    names: ["date"],
    wireName: named("Date"),
    sqlite: "INTEGER",
    wide: false,
    parquet: "INT32",
    parse: temporal("date", parseDate, (value) => Number(dateRange(value))),
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
    parse: temporal("time", parseTime, (value) => Number(timeRange(value))),
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
};

/** How a type reads in messages and DESCRIBE: `BIGINT`, `DECIMAL(10, 2)`. */
export function typeText(type: SqlType): string {
  const name = (TYPES[type.kind].names[0] ?? type.kind).toUpperCase();
  if (type.kind === "decimal") return `${name}(${type.precision}, ${type.scale})`;
  return type.kind === "embedding" && type.dimensions > 0 ? `${name}(${type.dimensions})` : name;
}

/** A cell as JSON text, exactly as wire.md's cell encoding has it. */
export function cellToJson(cell: Cell, type: SqlType): string {
  if (cell === null) return "null";
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
