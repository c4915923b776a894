// The SQL types as values. What each type means is one row of the type table in `types.ts`.

export type SqlType =
  | { readonly kind: "boolean" }
  | { readonly kind: "smallint" }
  | { readonly kind: "int" }
  | { readonly kind: "bigint" }
  | { readonly kind: "float" }
  | { readonly kind: "double" }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "text" }
  | { readonly kind: "timestamp" }
  | { readonly kind: "datetime" }
  | { readonly kind: "date" }
  | { readonly kind: "time" }
  | { readonly kind: "json" }
  | { readonly kind: "bytes" }
  | { readonly kind: "uuid" }
  /** Of expressions only: no column has it. */
  | { readonly kind: "interval" }
  /** Of expressions only, and of one dimension. The elements are no arrays. */
  | { readonly kind: "array"; readonly element: SqlType }
  /** `dimensions` 0 is any number of them, which no column has. */
  | { readonly kind: "embedding"; readonly dimensions: number }
  | { readonly kind: "file" };

export type TypeKind = SqlType["kind"];

/** What a column may be. */
export type ColumnKind = Exclude<TypeKind, "interval" | "array">;

/**
 * One value in memory. By type: boolean → boolean; smallint, int, float, double → number; date → number (days since 1970-01-01);
 * time → number (µs since midnight); bigint → bigint; timestamp, datetime → bigint (µs since the Unix epoch);
 * decimal → bigint (unscaled: value × 10^scale); text, json (JSON text), uuid (lower case, hyphens), file (its reference as JSON text) → string; bytes → Uint8Array;
 * interval, array → string (see `interval.ts`, `array.ts`); embedding → Uint8Array (32-bit numbers, little-endian).
 */
export type Cell = null | boolean | number | bigint | string | Uint8Array;

/** What bun:sqlite binds and returns. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

/** The type's name on the wire (`data_type` of a schema field), as the peer's clients expect it. */
export type WireType =
  | string
  | { readonly Decimal: { readonly precision: number; readonly scale: number } }
  | { readonly Embedding: number }
  | { readonly Array: WireType };

/** A cell as it travels in MessagePack and inside parsed JSON. 64-bit integers and decimals are strings, temporals are integers. */
export type WireCell = null | boolean | number | bigint | string | readonly WireCell[];

export const BOOLEAN: SqlType = { kind: "boolean" };
export const INT: SqlType = { kind: "int" };
export const BIGINT: SqlType = { kind: "bigint" };
export const DOUBLE: SqlType = { kind: "double" };
export const TEXT: SqlType = { kind: "text" };
export const TIMESTAMP: SqlType = { kind: "timestamp" };
/** An instant: PostgreSQL's `timestamp with time zone`. */
export const DATETIME: SqlType = { kind: "datetime" };
export const INTERVAL: SqlType = { kind: "interval" };
export const JSON_TYPE: SqlType = { kind: "json" };

export function sameType(a: SqlType, b: SqlType): boolean {
  if (a.kind === "decimal" && b.kind === "decimal") return a.precision === b.precision && a.scale === b.scale;
  if (a.kind === "embedding" && b.kind === "embedding") return a.dimensions === b.dimensions;
  if (a.kind === "array" && b.kind === "array") return sameType(a.element, b.element);
  return a.kind === b.kind;
}

export function arrayOf(element: SqlType): SqlType & { readonly kind: "array" } {
  return { kind: "array", element };
}

/** Of an array; of anything else text, which every element can be. */
export function elementType(type: SqlType | undefined): SqlType {
  return type?.kind === "array" ? type.element : TEXT;
}
