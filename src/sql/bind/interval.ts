// Intervals among expressions: the literal with its fields, and what stands for an interval where values are compared, sorted or grouped.
import type { TypeCast, TypeName } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { intervalCell } from "../../model/interval.ts";
import { type IntervalField, type IntervalRange, parseInterval } from "../../model/parse-interval.ts";
import { INT, INTERVAL, type SqlType, TEXT } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { internalFunction } from "../functions/registry.ts";
import { constantOf } from "../parse/constant.ts";
import { integerOf } from "./cast-target.ts";
import { constant, placed } from "./operand.ts";
import { at, unsupported } from "./syntax.ts";

/** PostgreSQL's INTERVAL_MASK(field): 1 << field number. */
const FIELD_BITS: readonly (readonly [IntervalField, number])[] = [
  ["year", 2],
  ["month", 1],
  ["day", 3],
  ["hour", 10],
  ["minute", 11],
  ["second", 12],
];
const ALL_FIELDS = 0x7fff;
const MAX_FRACTION_DIGITS = 6;

/** What the brackets and words after INTERVAL say. */
export interface IntervalModifiers {
  readonly range: IntervalRange | undefined;
  readonly fractionDigits: number | undefined;
}

export function intervalModifiers({ typmods = [] }: TypeName, position: number | undefined): IntervalModifiers {
  const [mask = ALL_FIELDS, fractionDigits] = typmods.map(integerOf);
  const range = FIELD_BITS.filter(([, bit]) => (mask & (1 << bit)) !== 0).map(([field]) => field);
  if (fractionDigits !== undefined && (fractionDigits < 0 || fractionDigits > MAX_FRACTION_DIGITS)) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `INTERVAL(${fractionDigits}) precision must be between 0 and 6`,
      at(position),
    );
  }
  return { range: mask === ALL_FIELDS ? undefined : range, fractionDigits };
}

/** A literal, read by its fields. Undefined: the argument of the cast is something else. */
export function intervalLiteral(
  node: TypeCast,
  { range }: IntervalModifiers,
  position: number | undefined,
): Expr | undefined {
  const arg = node.arg === undefined || !("A_Const" in node.arg) ? undefined : constantOf(node.arg.A_Const);
  if (arg?.kind !== "string") return undefined;
  // It gets no slot, which pins it: an interval is nearly always part of what a statement is.
  return constant(
    placed(position, () => intervalCell(parseInterval(arg.text, range))),
    INTERVAL,
  );
}

/** What lies below the last field goes; a fraction of a second keeps so many digits. */
export function cutToFields(expr: Expr, { range, fractionDigits }: IntervalModifiers): Expr {
  const last = range?.at(-1);
  const cut = last === undefined || last === "second" ? expr : truncated(expr, last);
  if (fractionDigits === undefined) return cut;
  const { name, type } = internalFunction("interval_round", [INTERVAL, INT]);
  return { kind: "call", name, type, args: [cut, constant(fractionDigits, INT)] };
}

function truncated(expr: Expr, field: IntervalField): Expr {
  const { name, type } = internalFunction("date_trunc", [TEXT, INTERVAL]);
  return { kind: "call", name, type, args: [constant(field, TEXT), expr] };
}

/** What the value is compared by: of an interval its length, of anything else the value. */
export function comparisonKey(expr: Expr): Expr {
  if (expr.type.kind !== "interval") return expr;
  const { name, type } = internalFunction("interval_key", [INTERVAL]);
  return { kind: "call", name, type, args: [expr] };
}

/** DISTINCT and set operations compare what they show, and equal intervals need not read the same. */
export function assertNoIntervals(shown: readonly { readonly type: SqlType }[], construct: string): void {
  if (shown.some(({ type }) => type.kind === "interval")) throw unsupported(`${construct} of intervals`);
}
