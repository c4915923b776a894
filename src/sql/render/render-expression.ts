// Typed expressions as SQLite text over storage forms. Nothing a user wrote is printed: names are generated, values are slots, numbers, or hexadecimal.
import { assertNever } from "../../base/errors.ts";
import type { Cell, SqlType } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import { renderCall, renderCast } from "../functions/render-call.ts";

export interface RenderNames {
  readonly column: (relation: number, column: number) => string;
  readonly slot: (slot: number) => string;
  /** Another text for aggregates, windows and sub-queries. */
  readonly query?: (expr: Extract<Expr, { readonly kind: "query" }>) => string;
}

export type RenderExpression = (expr: Expr) => string;

export function createRenderer(names: RenderNames): RenderExpression {
  const render: RenderExpression = (expr) => {
    switch (expr.kind) {
      case "constant":
        return renderConstant(expr.value, expr.type);
      case "slot":
        return renderSlot(names.slot(expr.slot), expr.type);
      case "column":
        return names.column(expr.relation, expr.column);
      case "call":
        return renderCall(
          expr.name,
          expr.args.map(render),
          expr.args.map((arg) => arg.type),
        );
      case "cast":
        return isSameForm(expr.arg.type, expr.type)
          ? render(expr.arg)
          : renderCast(render(expr.arg), expr.arg.type, expr.type);
      case "query":
        return names.query === undefined ? expr.render(render) : names.query(expr);
      default:
        return renderOperator(expr, render);
    }
  };
  return render;
}

type OperatorExpr = Exclude<Expr, { readonly kind: "constant" | "slot" | "column" | "call" | "cast" | "query" }>;

function renderOperator(expr: OperatorExpr, render: RenderExpression): string {
  switch (expr.kind) {
    case "and":
      return balanced(expr.args.map(render), "AND");
    case "or":
      return balanced(expr.args.map(render), "OR");
    case "not":
      return `(NOT ${render(expr.arg)})`;
    case "compare":
      return `(${render(expr.left)} ${expr.op} ${render(expr.right)})`;
    case "distinct":
      return `(${render(expr.left)} ${expr.negated ? "IS" : "IS NOT"} ${render(expr.right)})`;
    case "isNull":
      return `(${render(expr.arg)} ${is(expr)} NULL)`;
    case "isTruth":
      return `(${render(expr.arg)} ${is(expr)} ${truthText(expr.truth)})`;
    case "in":
      return `(${render(expr.arg)} ${expr.negated ? "NOT IN" : "IN"} (${expr.list.map(render).join(", ")}))`;
    case "case":
      return renderCase(expr, render);
    case "coalesce":
      return coalesced(expr.args.map(render));
    default:
      return assertNever(expr, "expression");
  }
}

function renderCase(expr: Extract<Expr, { readonly kind: "case" }>, render: RenderExpression): string {
  const branches = expr.branches.map(({ when, result }) => `WHEN ${render(when)} THEN ${render(result)}`);
  return `CASE ${branches.join(" ")} ELSE ${expr.otherwise === undefined ? "NULL" : render(expr.otherwise)} END`;
}

function is({ negated }: { readonly negated: boolean }): string {
  return negated ? "IS NOT" : "IS";
}

/** SQLite's COALESCE takes two arguments at least. */
function coalesced(args: readonly string[]): string {
  return args.length === 1 ? args.join("") : `COALESCE(${args.join(", ")})`;
}

function truthText(truth: boolean | null): string {
  return truth === null ? "NULL" : truth ? "1" : "0";
}

/** A chain of n operators is n deep to SQLite, which stops at 1000; a balanced tree is log n deep. */
function balanced(parts: readonly string[], operator: string): string {
  if (parts.length <= 2) return `(${parts.join(` ${operator} `)})`;
  const half = Math.ceil(parts.length / 2);
  return `(${balanced(parts.slice(0, half), operator)} ${operator} ${balanced(parts.slice(half), operator)})`;
}

/** More digits before the point change nothing about how a decimal is stored. */
function isSameForm(from: SqlType, to: SqlType): boolean {
  return from.kind === "decimal" && to.kind === "decimal" && from.scale === to.scale && from.precision <= to.precision;
}

/** A JavaScript number without fraction is bound as an INTEGER, whose arithmetic is another. */
function renderSlot(text: string, type: SqlType): string {
  return TYPES[type.kind].sqlite === "REAL" ? `CAST(${text} AS REAL)` : text;
}

const MIN_BIGINT = -(2n ** 63n);

function renderConstant(cell: Cell, type: SqlType): string {
  const value = cellToSqlite(cell, type);
  switch (typeof value) {
    case "string":
      return `CAST(x'${Buffer.from(value).toString("hex")}' AS TEXT)`;
    case "bigint":
      return value === MIN_BIGINT ? "(-9223372036854775807 - 1)" : bracketNegative(value.toString());
    case "number":
      return TYPES[type.kind].sqlite === "REAL" ? realText(value) : bracketNegative(String(value));
    default:
      return value === null ? "NULL" : `x'${value.toHex()}'`;
  }
}

/** `a - -1` is fine, `a --1` would be a comment. */
function bracketNegative(text: string): string {
  return text.startsWith("-") ? `(${text})` : text;
}

function realText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "9e999" : "(-9e999)";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return bracketNegative(/[.e]/.test(text) ? text : `${text}.0`);
}
