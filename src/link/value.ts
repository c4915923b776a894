// Cells as an application sees them: exact, without a class of our own.
import type { WireType } from "../model/sql-type.ts";
import { isObject, type JsonValue, toJson } from "../protocol/json.ts";
import { type SchemaField, wireTypeText } from "../protocol/schema-field.ts";

/**
 * By column type: BIGINT → bigint; SMALLINT, INT, FLOAT, DOUBLE → number; TIMESTAMP, DATETIME → µs since the Unix epoch (number, or bigint
 * past 2^53); DATE → days since 1970-01-01; TIME → µs since midnight; DECIMAL, UUID, TEXT, JSON (its text), FILE (its reference, see `parseFileRef`) → string; BYTES → Uint8Array; INTERVAL → its text;
 * an array → the values of its elements.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[];

/** By column name; of columns with the same name the last one counts. */
export type Row = Readonly<Record<string, Value>>;

export interface Column {
  readonly name: string;
  /** `BigInt`, `Text`, `Decimal(10,2)` … */
  readonly type: string;
  readonly isPrimaryKey: boolean;
  readonly nullable: boolean;
}

export function toColumns(schema: readonly SchemaField[]): readonly Column[] {
  return schema.map((field) => ({
    name: field.name,
    type: wireTypeText(field.dataType),
    isPrimaryKey: field.flags.includes("pk"),
    nullable: !field.flags.includes("nn"),
  }));
}

export function decodeCell(wire: unknown, type: WireType): Value {
  if (wire === null || wire === undefined) return null;
  if (typeof type === "object" && "Array" in type && Array.isArray(wire)) {
    return wire.map((item) => decodeCell(item, type.Array));
  }
  // As of a DOUBLE: a number of the list that is past 2^53 was read as a bigint.
  if (typeof type === "object" && "Embedding" in type && Array.isArray(wire)) return wire.map(Number);
  switch (type) {
    case "BigInt":
      return toBigint(wire);
    case "Float":
    case "Double":
      // NaN and infinities come as text, and a JSON number past 2^53 without a fraction was read as a bigint.
      return typeof wire === "string" || typeof wire === "bigint" ? Number(wire) : plain(wire);
    case "Bytes":
      return toBytes(wire);
    case "Json":
      return typeof wire === "string" ? wire : text(wire);
    default:
      return plain(wire);
  }
}

const INTEGER = /^-?\d{1,40}$/;

function toBigint(wire: unknown): Value {
  if (typeof wire === "bigint") return wire;
  const isInteger = typeof wire === "number" ? Number.isInteger(wire) : typeof wire === "string" && INTEGER.test(wire);
  return isInteger && (typeof wire === "number" || typeof wire === "string") ? BigInt(wire) : plain(wire);
}

function toBytes(wire: unknown): Value {
  return Array.isArray(wire) ? Uint8Array.from(wire, Number) : plain(wire);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function plain(wire: unknown): Value {
  switch (typeof wire) {
    case "boolean":
    case "number":
    case "bigint":
    case "string":
      return wire;
    default:
      if (wire instanceof Uint8Array) return wire;
      return Array.isArray(wire) && wire.every(isNumber) ? wire : text(wire);
  }
}

/** JSON text of something nested that came as a value. */
function text(wire: unknown): string {
  return toJson(toJsonValue(wire));
}

function toJsonValue(wire: unknown): JsonValue {
  if (Array.isArray(wire)) return wire.map(toJsonValue);
  if (isObject(wire)) {
    return Object.fromEntries(Object.entries(wire).map(([name, value]) => [name, toJsonValue(value)]));
  }
  const isScalar =
    typeof wire === "boolean" || typeof wire === "number" || typeof wire === "bigint" || typeof wire === "string";
  return isScalar ? wire : null;
}

export function decodeCells(wire: readonly unknown[], schema: readonly SchemaField[]): readonly Value[] {
  return schema.map((field, index) => decodeCell(wire[index], field.dataType));
}

export function rowOf(values: readonly Value[], schema: readonly { readonly name: string }[]): Row {
  return Object.fromEntries(schema.map((field, index) => [field.name, values[index] ?? null]));
}

/** A parameter as JSON carries it. Bytes travel as `\x` and hexadecimal digits, which BYTES columns read. */
export type ParamValue = null | boolean | number | bigint | string | Uint8Array;

/** A value for `$1 … $n`. A list stands where SQL takes an array: `= ANY($1)`, `unnest($1)`. */
export type Param = ParamValue | readonly ParamValue[];

export function paramValue(param: Param): JsonValue {
  return isList(param) ? param.map(scalarValue) : scalarValue(param);
}

function isList(param: Param): param is readonly ParamValue[] {
  return Array.isArray(param);
}

function scalarValue(param: ParamValue): JsonValue {
  if (!(param instanceof Uint8Array)) return param;
  return `\\x${Array.from(param, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Numbers by value, text by code point (the order of the server), NULL last. */
export function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [unitA, unitB] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (unitA === unitB) continue;
    // A surrogate stands for a character above every other unit.
    return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}
