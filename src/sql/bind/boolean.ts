// AND, OR, NOT and IS TRUE.
import type { BoolExpr, BooleanTest } from "libpg-query";
import { BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { type Operand, required, typed } from "./operand.ts";

const NAMES = { AND_EXPR: "AND", OR_EXPR: "OR", NOT_EXPR: "NOT" } as const;

export function bindLogic(binder: Binder, node: BoolExpr, context: ExprContext): Operand {
  const operator = node.boolop ?? "AND_EXPR";
  const args = (node.args ?? []).map((arg) => required(binder.expr(arg, context), BOOLEAN, NAMES[operator]));
  const position = binder.session.position(node.location);
  const [first] = args;
  if (first === undefined) throw new Error("a logical operator without operands");
  if (operator === "NOT_EXPR") return typed(not(first), position);
  return typed({ kind: operator === "AND_EXPR" ? "and" : "or", type: BOOLEAN, args }, position);
}

export function not(arg: Expr): Expr {
  return { kind: "not", type: BOOLEAN, arg };
}

export function conjunction(args: readonly Expr[]): Expr {
  const [first] = args;
  return first !== undefined && args.length === 1 ? first : { kind: "and", type: BOOLEAN, args };
}

export function disjunction(args: readonly Expr[]): Expr {
  const [first] = args;
  return first !== undefined && args.length === 1 ? first : { kind: "or", type: BOOLEAN, args };
}

/** The parts that must all be true, nested ANDs opened up. */
export function conjuncts(expr: Expr | undefined): readonly Expr[] {
  if (expr === undefined) return [];
  return expr.kind === "and" ? expr.args.flatMap(conjuncts) : [expr];
}

const TRUTHS = {
  IS_TRUE: { truth: true, negated: false, name: "IS TRUE" },
  IS_NOT_TRUE: { truth: true, negated: true, name: "IS NOT TRUE" },
  IS_FALSE: { truth: false, negated: false, name: "IS FALSE" },
  IS_NOT_FALSE: { truth: false, negated: true, name: "IS NOT FALSE" },
  IS_UNKNOWN: { truth: null, negated: false, name: "IS UNKNOWN" },
  IS_NOT_UNKNOWN: { truth: null, negated: true, name: "IS NOT UNKNOWN" },
} as const;

export function bindBooleanTest(binder: Binder, node: BooleanTest, context: ExprContext): Operand {
  if (node.arg === undefined) throw new Error("a boolean test without an argument");
  const { truth, negated, name } = TRUTHS[node.booltesttype ?? "IS_TRUE"];
  const arg = required(binder.expr(node.arg, context), BOOLEAN, name);
  return typed({ kind: "isTruth", type: BOOLEAN, negated, truth, arg }, binder.session.position(node.location));
}
