// `(a, b) OVERLAPS (c, d)`: whether two spans of time have an instant in common. An end that is NULL is not known, and a span begins at the one that is.
import type { Node } from "libpg-query";
import { INTERVAL, TIMESTAMP } from "../../model/sql-type.ts";
import type { CompareOp, Expr } from "../expression.ts";
import { resolveOperator } from "../functions/registry.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { conjunction, disjunction } from "./boolean.ts";
import { applyFunction, callFunction } from "./call.ts";
import { compare } from "./comparison.ts";
import { type Operand, operandType, typed, unify } from "./operand.ts";

interface OverlapsCall {
  readonly nodes: readonly Node[];
  readonly position: number | undefined;
  readonly context: ExprContext;
}

interface Span {
  /** The earlier end, or the only one that is known. */
  readonly start: Operand;
  /** The later end; NULL unless both are known. */
  readonly end: Operand;
}

/** Undefined unless there are two pairs. */
export function bindOverlaps(binder: Binder, { nodes, position, context }: OverlapsCall): Operand | undefined {
  if (nodes.length !== 4) return undefined;
  const [a, b, c, d] = nodes.map((node) => binder.expr(node, context));
  if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined;
  const [x, y] = [spanOf(binder, a, b), spanOf(binder, c, d)];
  const test = (op: CompareOp, left: Operand, right: Operand): Expr => compare(op, left, right, position);
  // Never true: NULL where the span has no end, so that what follows from its end is not known either.
  const hasNoEnd = ({ start, end }: Span): Expr => test("<", end, start);
  const reaches = (earlier: Span, later: Span): Expr =>
    conjunction([
      test("<", earlier.start, later.start),
      disjunction([test("<", later.start, earlier.end), hasNoEnd(later)]),
    ]);
  const together = conjunction([test("=", x.start, y.start), test("<=", x.start, x.end), test("<=", y.start, y.end)]);
  return typed(disjunction([reaches(x, y), reaches(y, x), together]), position);
}

/** The second of a pair may be a length. */
function spanOf(binder: Binder, first: Operand, second: Operand): Span {
  const { session } = binder;
  const isLength = operandType(second)?.kind === "interval";
  const sum = isLength ? resolveOperator("+", [operandType(first) ?? TIMESTAMP, INTERVAL]) : undefined;
  const last =
    sum === undefined ? second : typed(applyFunction(session, sum, [first, second], second.position), second.position);
  const exprs = unify([first, last])?.exprs ?? [];
  const [a = first, b = last] = exprs.map((expr) => typed(expr));
  const [from, to] = exprs;
  const start = callFunction(session, "least", [a, b], first.position);
  if (from === undefined || to === undefined)
    return { start, end: callFunction(session, "greatest", [a, b], first.position) };
  const branches = [
    { when: compare("<=", a, b, first.position), result: to },
    { when: compare(">", a, b, first.position), result: from },
  ];
  return { start, end: typed({ kind: "case", type: to.type, branches, otherwise: undefined }) };
}
