// Typed expressions to JavaScript closures: the live side of the one predicate semantics. SQLite runs the text `render` makes of the same expression,
// over the same functions; a differential test holds the two together.
import { assertNever } from "../base/errors.ts";
import type { Cell } from "../model/sql-type.ts";
import { compileCompare, compileDistinct } from "./compile/compare.ts";
import { compileCase, compileCoalesce } from "./compile/conditional.ts";
import { compileAnd, compileNot, compileOr } from "./compile/logic.ts";
import { compileIn } from "./compile/membership.ts";
import type { Expr, ScalarExpr } from "./expression.ts";
import { castCell } from "./functions/casts.ts";
import type { Evaluator } from "./functions/definition.ts";
import type { Generators } from "./functions/generators.ts";
import { overloadOf } from "./functions/registry.ts";
import type { Evaluate } from "./plan.ts";

export interface CompileOptions {
  /** Where the row given to the closure has a column; undefined when it does not have it, and the expression is refused. */
  readonly cellIndex: (relation: number, column: number) => number | undefined;
  readonly generators: Generators;
  /** Refuse functions whose value differs from call to call, as a live predicate must. */
  readonly deterministic?: boolean;
}

type ExprOf<Kind extends ScalarExpr["kind"]> = Extract<ScalarExpr, { readonly kind: Kind }>;
/** Expressions without arguments. */
type Leaf = ExprOf<"constant"> | ExprOf<"slot"> | ExprOf<"column">;

/**
 * Undefined when the expression needs a query, a row it is not given, a function whose time has no bound (regular expressions), or, if `deterministic`,
 * a generator. The closure throws DbError where SQL raises an error.
 */
export function compile(expr: Expr, options: CompileOptions): Evaluate | undefined {
  const compiled = compileExpr(expr, options);
  return compiled && foldConstant(expr, compiled);
}

function compileExpr(expr: Expr, options: CompileOptions): Evaluate | undefined {
  switch (expr.kind) {
    case "query":
      return undefined;
    case "constant":
      return () => expr.value;
    case "slot":
      return (_row, slots) => slots[expr.slot] ?? null;
    case "column":
      return compileColumn(expr, options);
    case "call":
      return compileCall(expr, options);
    case "case":
      return compileBranches(expr, options);
    default:
      return compileOperator(expr, options);
  }
}

function compileOperator(
  expr: Exclude<ScalarExpr, Leaf | ExprOf<"call"> | ExprOf<"case">>,
  options: CompileOptions,
): Evaluate | undefined {
  switch (expr.kind) {
    case "in":
      return compileMembership(expr, options);
    case "compare":
    case "distinct":
      return compileComparison(expr, options);
    case "and":
    case "or":
    case "coalesce":
      return compileList(expr, options);
    case "cast":
    case "not":
    case "isNull":
    case "isTruth":
      return compileUnary(expr, options);
    default:
      return assertNever(expr, "expression");
  }
}

function compileAll(exprs: readonly Expr[], options: CompileOptions): readonly Evaluate[] | undefined {
  const compiled: Evaluate[] = [];
  for (const expr of exprs) {
    const one = compile(expr, options);
    if (one === undefined) return undefined;
    compiled.push(one);
  }
  return compiled;
}

function compileColumn({ relation, column }: ExprOf<"column">, options: CompileOptions): Evaluate | undefined {
  const index = options.cellIndex(relation, column);
  return index === undefined ? undefined : (row) => row[index] ?? null;
}

function compileUnary(
  expr: ExprOf<"cast"> | ExprOf<"not"> | ExprOf<"isNull"> | ExprOf<"isTruth">,
  options: CompileOptions,
): Evaluate | undefined {
  const arg = compile(expr.arg, options);
  if (arg === undefined) return undefined;
  switch (expr.kind) {
    case "cast": {
      const cast = castCell(expr.arg.type, expr.type);
      return (row, slots) => cast(arg(row, slots));
    }
    case "not":
      return compileNot(arg);
    case "isNull":
      return (row, slots) => (arg(row, slots) === null) !== expr.negated;
    case "isTruth":
      return (row, slots) => (arg(row, slots) === expr.truth) !== expr.negated;
    default:
      return assertNever(expr, "expression");
  }
}

function compileList(expr: ExprOf<"and" | "or"> | ExprOf<"coalesce">, options: CompileOptions): Evaluate | undefined {
  const args = compileAll(expr.args, options);
  if (args === undefined) return undefined;
  if (expr.kind === "and") return compileAnd(args);
  return expr.kind === "or" ? compileOr(args) : compileCoalesce(args);
}

function compileComparison(
  expr: ExprOf<"compare"> | ExprOf<"distinct">,
  options: CompileOptions,
): Evaluate | undefined {
  const left = compile(expr.left, options);
  const right = compile(expr.right, options);
  if (left === undefined || right === undefined) return undefined;
  const operands = { kind: expr.left.type.kind, left, right };
  return expr.kind === "compare" ? compileCompare(expr.op, operands) : compileDistinct(expr.negated, operands);
}

function compileMembership(expr: ExprOf<"in">, options: CompileOptions): Evaluate | undefined {
  const arg = compile(expr.arg, options);
  const list = compileAll(expr.list, options);
  if (arg === undefined || list === undefined) return undefined;
  const constants = expr.list.map((item) => (item.kind === "constant" ? item.value : undefined));
  return compileIn({ kind: expr.arg.type.kind, negated: expr.negated, arg, list, constants });
}

function compileBranches(expr: ExprOf<"case">, options: CompileOptions): Evaluate | undefined {
  const whens = compileAll(
    expr.branches.map((branch) => branch.when),
    options,
  );
  const thens = compileAll(
    expr.branches.map((branch) => branch.result),
    options,
  );
  const otherwise = expr.otherwise === undefined ? (): Cell => null : compile(expr.otherwise, options);
  return whens && thens && otherwise && compileCase(whens, thens, otherwise);
}

function compileCall(expr: ExprOf<"call">, options: CompileOptions): Evaluate | undefined {
  const args = compileAll(expr.args, options);
  const argTypes = expr.args.map((arg) => arg.type);
  const { definition, overload } = overloadOf(expr.name, argTypes);
  if (args === undefined || !definition.bounded || (options.deterministic && !definition.deterministic))
    return undefined;
  const evaluate = overload.prepare(argTypes, options.generators);
  return definition.strict
    ? strictCall(evaluate, args)
    : (row, slots) => evaluate(...args.map((arg) => arg(row, slots)));
}

/** Every argument is evaluated before the first NULL decides, as SQLite does: an error in one is not hidden by a NULL in another. */
function strictCall(evaluate: Evaluator, args: readonly Evaluate[]): Evaluate {
  const [first, second] = args;
  if (first !== undefined && args.length === 1) {
    return (row, slots) => {
      const value = first(row, slots);
      return value === null ? null : evaluate(value);
    };
  }
  if (first !== undefined && second !== undefined && args.length === 2) {
    return (row, slots) => {
      const a = first(row, slots);
      const b = second(row, slots);
      return a === null || b === null ? null : evaluate(a, b);
    };
  }
  return (row, slots) => {
    const values = args.map((arg) => arg(row, slots));
    return values.includes(null) ? null : evaluate(...values);
  };
}

function isConstant(expr: Expr): boolean {
  return expr.kind === "constant";
}

/** A call or cast of constants has one value. If it is an error, the error belongs to whoever evaluates it, not to compilation. */
function foldConstant(expr: Expr, compiled: Evaluate): Evaluate {
  const foldable =
    (expr.kind === "cast" && isConstant(expr.arg)) ||
    (expr.kind === "call" &&
      expr.args.length > 0 &&
      expr.args.every(isConstant) &&
      overloadOf(
        expr.name,
        expr.args.map((arg) => arg.type),
      ).definition.deterministic);
  if (!foldable) return compiled;
  try {
    const value = compiled([], []);
    return () => value;
  } catch {
    // Raised again by the closure when a row reaches it.
    return compiled;
  }
}
