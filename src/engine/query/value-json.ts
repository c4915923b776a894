import type { SqliteValue } from "../../model/sql-type.ts";

/** A value in SQLite's form as a JSON array of a row has it: 64-bit integers as bare digits, bytes as hexadecimal text. */
export function valueJson(value: SqliteValue): string {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return `"${value.toHex()}"`;
  // Out of range of any double, and so what SQLite reads as infinite.
  if (typeof value === "number" && !Number.isFinite(value)) return value > 0 ? "9e999" : "-9e999";
  return JSON.stringify(value);
}
