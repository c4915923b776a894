// Walking typed expressions.
import { assertNever } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import type { Scope } from "./scope.ts";

export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "constant":
    case "slot":
    case "column":
      return [];
    case "call":
    case "and":
    case "or":
    case "coalesce":
    case "query":
      return expr.args;
    case "cast":
    case "not":
    case "isNull":
    case "isTruth":
      return [expr.arg];
    case "compare":
    case "distinct":
      return [expr.left, expr.right];
    case "in":
      return [expr.arg, ...expr.list];
    case "case":
      return [
        ...expr.branches.flatMap(({ when, then }) => [when, then]),
        ...(expr.otherwise === undefined ? [] : [expr.otherwise]),
      ];
    default:
      return assertNever(expr, "expression");
  }
}

/** The expression and everything below it. */
export function walk(expr: Expr): readonly Expr[] {
  const found: Expr[] = [];
  const pending = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    found.push(next);
    pending.push(...children(next));
  }
  return found;
}

/** Relations of the query itself, not of those around it. */
export function ownRelations(scope: Scope): ReadonlySet<number> {
  return new Set(scope.tables.map((table) => table.relation));
}
