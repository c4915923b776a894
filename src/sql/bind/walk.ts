// Walking typed expressions.
import type { Expr } from "../expression.ts";
import type { Scope } from "./scope.ts";

export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "constant":
    case "slot":
    case "column":
      return [];
    case "compare":
    case "distinct":
      return [expr.left, expr.right];
    case "in":
      return [expr.arg, ...expr.list];
    case "case": {
      const { branches, otherwise } = expr;
      return [
        ...branches.flatMap(({ when, result }) => [when, result]),
        ...(otherwise === undefined ? [] : [otherwise]),
      ];
    }
    default:
      return "args" in expr ? expr.args : [expr.arg];
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
