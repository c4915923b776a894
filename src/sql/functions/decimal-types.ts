// Result types of decimal arithmetic. Precision is always the full 38 digits; only the scale is computed.
import { MAX_PRECISION } from "../../model/decimal.ts";
import type { SqlType } from "../../model/sql-type.ts";

/** Quotients keep at least this many fraction digits, PostgreSQL's minimum of significant ones. */
const MIN_QUOTIENT_SCALE = 16;
/** Products keep every fraction digit up to here: beyond it, whole digits are worth more. */
const MAX_PRODUCT_SCALE = 20;

export function scaleOf(type: SqlType | undefined): number {
  return type?.kind === "decimal" ? type.scale : 0;
}

export function decimalOfScale(scale: number): SqlType {
  return { kind: "decimal", precision: MAX_PRECISION, scale };
}

export function largerScale([left, right]: readonly SqlType[]): number {
  return Math.max(scaleOf(left), scaleOf(right));
}

export function productScale(types: readonly SqlType[]): number {
  const exact = scaleOf(types[0]) + scaleOf(types[1]);
  return Math.min(exact, Math.max(largerScale(types), MAX_PRODUCT_SCALE));
}

export function quotientScale(types: readonly SqlType[]): number {
  return Math.max(largerScale(types), MIN_QUOTIENT_SCALE);
}

export function sumType(types: readonly SqlType[]): SqlType {
  return decimalOfScale(largerScale(types));
}
