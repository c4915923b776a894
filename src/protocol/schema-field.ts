// `schema` arrays: the columns of a result or a subscription as both sides write and read them.
import { DbError } from "../base/errors.ts";
import type { OutputColumn, SchemaFlag } from "../model/schema.ts";
import type { WireType } from "../model/sql-type.ts";
import { TYPES } from "../model/types.ts";
import { isObject, type JsonValue, toJson } from "./json.ts";

export interface SchemaField {
  readonly name: string;
  readonly dataType: WireType;
  readonly flags: readonly SchemaFlag[];
}

export function schemaFields(columns: readonly OutputColumn[]): JsonValue {
  return columns.map((column, index) => ({
    name: column.name,
    data_type: wireType(TYPES[column.type.kind].wireName(column.type)),
    index,
    flags: column.flags.length === 0 ? undefined : column.flags,
  }));
}

function wireType(type: WireType): JsonValue {
  if (typeof type === "string") return type;
  if ("Array" in type) return { Array: wireType(type.Array) };
  return "Embedding" in type
    ? { Embedding: type.Embedding }
    : { Decimal: { precision: type.Decimal.precision, scale: type.Decimal.scale } };
}

export function encodeSchema(columns: readonly OutputColumn[]): string {
  return toJson(schemaFields(columns));
}

function malformed(what: string): DbError {
  return new DbError("PROTOCOL_ERROR", `schema: ${what}`);
}

function parseWireType(value: unknown): WireType {
  if (typeof value === "string") return value;
  if (!isObject(value)) throw malformed("data_type is neither a name nor an object");
  const decimal = value["Decimal"];
  if (isObject(decimal)) {
    const { precision, scale } = decimal;
    if (typeof precision === "number" && typeof scale === "number") return { Decimal: { precision, scale } };
  }
  const { Embedding: dimensions } = value;
  if (typeof dimensions === "number") return { Embedding: dimensions };
  if (value["Array"] !== undefined) return { Array: parseWireType(value["Array"]) };
  // A type this version does not know: its name is kept and its cells pass through as they are.
  return Object.keys(value)[0] ?? "Unknown";
}

function isFlag(value: unknown): value is SchemaFlag {
  return value === "pk" || value === "nn" || value === "uq";
}

function parseField(value: unknown): SchemaField {
  if (!isObject(value)) throw malformed("a field is not an object");
  const { name, data_type: dataType, flags } = value;
  if (typeof name !== "string") throw malformed("a field has no name");
  return { name, dataType: parseWireType(dataType), flags: Array.isArray(flags) ? flags.filter(isFlag) : [] };
}

/** In `index` order, which is the order of the array. */
export function parseSchema(value: unknown): readonly SchemaField[] {
  if (!Array.isArray(value)) throw malformed("not an array");
  return value.map(parseField);
}

/** `BigInt`, `Decimal(10,2)`. */
export function wireTypeText(type: WireType): string {
  if (typeof type === "string") return type;
  if ("Array" in type) return `Array(${wireTypeText(type.Array)})`;
  return "Embedding" in type
    ? `Embedding(${type.Embedding})`
    : `Decimal(${type.Decimal.precision},${type.Decimal.scale})`;
}
