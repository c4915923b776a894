// As a value, and not as a condition, SQLite evaluates both sides of AND and OR: `y <> 0 AND x / y > 1` in an output list would divide by zero, which PostgreSQL never comes to.
import type { Expr } from "../expression.ts";
import { walk } from "./walk.ts";

/** An operand that decides is written twice, so what is nested deeper stays as it is. */
const MAX_DEPTH = 4;

/** The same value, without looking at operands that an earlier one has made needless, where looking could fail. */
export function shortCircuited(expr: Expr, depth = 0): Expr {
  if (depth > MAX_DEPTH || !walk(expr).some(({ kind }) => kind === "and" || kind === "or")) return expr;
  switch (expr.kind) {
    case "and":
    case "or":
      return guarded({ ...expr, args: expr.args.map((arg) => shortCircuited(arg, depth + 1)) });
    case "not":
    case "cast":
    case "isNull":
    case "isTruth":
      return { ...expr, arg: shortCircuited(expr.arg, depth) };
    case "compare":
    case "distinct":
      return { ...expr, left: shortCircuited(expr.left, depth), right: shortCircuited(expr.right, depth) };
    case "call":
    case "coalesce":
      return { ...expr, args: expr.args.map((arg) => shortCircuited(arg, depth)) };
    case "case":
      return {
        ...expr,
        // What stands after WHEN is a condition.
        branches: expr.branches.map(({ when, result }) => ({ when, result: shortCircuited(result, depth) })),
        otherwise: expr.otherwise === undefined ? undefined : shortCircuited(expr.otherwise, depth),
      };
    default:
      return expr;
  }
}

function guarded(expr: Extract<Expr, { readonly kind: "and" | "or" }>): Expr {
  const { kind, type, args } = expr;
  if (!args.slice(1).some(mayFail)) return expr;
  const deciding = kind === "or";
  const branches = args.slice(0, -1).map((arg): { readonly when: Expr; readonly result: Expr } => ({
    when: { kind: "isTruth", type, negated: false, truth: deciding, arg },
    result: { kind: "constant", type, value: deciding },
  }));
  return { kind: "case", type, branches, otherwise: expr };
}

function mayFail(expr: Expr): boolean {
  return walk(expr).some(({ kind }) => kind === "call" || kind === "cast" || kind === "query");
}
