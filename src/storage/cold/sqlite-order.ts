// SQLite's BINARY order of the values of one column, in JavaScript: what ORDER BY, MIN and the key range of a segment mean.
import { assert } from "../../base/errors.ts";
import type { SqliteValue } from "../../model/sql-type.ts";

/** Negative, zero or positive. Both values are of one storage class, or NULL, which comes first. */
export function compareSqlite(a: SqliteValue, b: SqliteValue): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "string" && typeof b === "string") return compareUtf8(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  const numeric = (typeof a === "number" || typeof a === "bigint") && (typeof b === "number" || typeof b === "bigint");
  assert(numeric, "values of one column have one storage class");
  return a < b ? -1 : a > b ? 1 : 0;
}

/** UTF-8 byte order, which is code point order. UTF-16 order differs from it only where a surrogate meets a unit above it. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above U+FFFF's units, where the code points they stand for belong. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
