// The classes of literals lifted out of a statement's text. A plan is shared by statements that differ in them, so what may shape a plan is only a
// literal's class; a literal whose value matters is pinned (see `BindSession`).
import { MAX_PRECISION } from "../../model/decimal.ts";
import { BIGINT, DOUBLE, INT, type SqlType } from "../../model/sql-type.ts";
import type { LiftedLiteral } from "../lift-literals.ts";

const MAX_INT = 2_147_483_647n;
const MAX_BIGINT = 9_223_372_036_854_775_807n;
const PLAIN_NUMBER = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** The type PostgreSQL gives a number by its digits and the sign before them: int, bigint, numeric; double where no decimal holds it. */
export function numberType(digits: string, negated = false): SqlType {
  if (/^\d{1,9}$/.test(digits)) return INT;
  if (/^\d{1,19}$/.test(digits)) {
    const value = BigInt(digits);
    const beyond = negated ? 1n : 0n;
    if (value <= MAX_INT + beyond) return INT;
    if (value <= MAX_BIGINT + beyond) return BIGINT;
  }
  const match = PLAIN_NUMBER.exec(digits);
  if (match === null) return DOUBLE;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const scale = Math.max(0, fraction.length - Number(exponent));
  const wholeDigits = Math.max(0, whole.replace(/^0+/, "").length + Number(exponent));
  if (wholeDigits + scale > MAX_PRECISION) return DOUBLE;
  // The precision is left open so that plans are shared by literals of one scale.
  return { kind: "decimal", precision: MAX_PRECISION, scale };
}

/** Part of a plan's cache key: literals of one class give the same plan unless pinned. */
export function literalClass(literal: LiftedLiteral): string {
  if (literal.kind === "string") return "s";
  const type = numberType(literal.text);
  const kind = type.kind === "decimal" ? `d${type.scale}` : type.kind;
  // The least integers are of a smaller type than their digits: what makes them negative is in the rest of the key.
  const negated = type.kind === "bigint" || kind === "d0" ? numberType(literal.text, true) : type;
  return negated.kind === type.kind ? kind : `-${negated.kind}`;
}
