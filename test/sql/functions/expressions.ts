// Expressions for tests: short constructors, and the two executors that must agree, `compile` and a real SQLite.
import { Database } from "bun:sqlite";
import { DbError } from "../../../src/base/errors.ts";
import { type Cell, type SqliteValue, type SqlType, TEXT, type TypeKind } from "../../../src/model/sql-type.ts";
import { cellFromSqlite, cellToSqlite, TYPES } from "../../../src/model/types.ts";
import { compile } from "../../../src/sql/compile.ts";
import type { CompareOp, Expr } from "../../../src/sql/expression.ts";
import { castCell, castRule } from "../../../src/sql/functions/casts.ts";
import { createGenerators } from "../../../src/sql/functions/generators.ts";
import type { FunctionName } from "../../../src/sql/functions/names.ts";
import { errorFromSqlite, registerFunctions } from "../../../src/sql/functions/register.ts";
import { lookupFunction, resolveOperator } from "../../../src/sql/functions/registry.ts";
import { renderCall, renderCast } from "../../../src/sql/functions/render-call.ts";

const BOOLEAN: SqlType = { kind: "boolean" };
export const generators = createGenerators({ nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 });

export function decimal(precision: number, scale: number): SqlType {
  return { kind: "decimal", precision, scale };
}

/** A constant, read from text as the type reads it. */
export function value(type: SqlType, text: string | null): Expr {
  return { kind: "constant", type, value: text === null ? null : TYPES[type.kind].parse(text, type) };
}

const constantOf =
  (kind: Exclude<TypeKind, "decimal" | "embedding" | "array">) => (text: string | number | bigint | boolean | null) =>
    value({ kind }, text === null ? null : String(text));
export const bool = constantOf("boolean");
export const small = constantOf("smallint");
export const int = constantOf("int");
export const big = constantOf("bigint");
export const real = constantOf("float");
export const dbl = constantOf("double");
export const txt = constantOf("text");
export const ts = constantOf("timestamp");
export const date = constantOf("date");
export const time = constantOf("time");
export const json = constantOf("json");
export const bytes = constantOf("bytes");
export const uuid = constantOf("uuid");

/** A decimal with as many fraction digits as are written. */
export function dec(text: string): Expr {
  const scale = (text.split(".")[1] ?? "").length;
  return value(decimal(38, scale), text);
}

export function cast(arg: Expr, type: SqlType): Expr {
  if (castRule(arg.type, type) === undefined) throw new Error(`no cast from ${arg.type.kind} to ${type.kind}`);
  return { kind: "cast", type, arg };
}

/** For names the generator takes from the registry itself. */
export function nameOf(name: string): FunctionName {
  return name as FunctionName;
}

function castTo(arg: Expr, type: SqlType | undefined): Expr {
  return type === undefined || JSON.stringify(arg.type) === JSON.stringify(type) ? arg : cast(arg, type);
}

export function call(name: string, ...args: readonly Expr[]): Expr {
  const found = lookupFunction(
    name,
    args.map((arg) => arg.type),
  );
  if (found === undefined) throw new Error(`no function ${name}(${args.map((arg) => arg.type.kind).join(", ")})`);
  return {
    kind: "call",
    type: found.type,
    name: found.name,
    args: args.map((arg, i) => castTo(arg, found.argTypes[i])),
  };
}

export function op(symbol: string, ...args: readonly Expr[]): Expr {
  const found = resolveOperator(
    symbol,
    args.map((arg) => arg.type),
  );
  if (found === undefined) throw new Error(`no operator ${symbol}(${args.map((arg) => arg.type.kind).join(", ")})`);
  const cast = args.map((arg, i) => castTo(arg, found.argTypes[i]));
  const result: Expr = { kind: "call", type: found.type, name: found.name, args: cast };
  return found.negated ? not(result) : result;
}

export function compare(left: Expr, symbol: CompareOp, right: Expr): Expr {
  return { kind: "compare", type: BOOLEAN, op: symbol, left, right };
}

export function distinct(left: Expr, right: Expr, negated = false): Expr {
  return { kind: "distinct", type: BOOLEAN, negated, left, right };
}

export function not(arg: Expr): Expr {
  return { kind: "not", type: BOOLEAN, arg };
}

export function and(...args: readonly Expr[]): Expr {
  return { kind: "and", type: BOOLEAN, args };
}

export function or(...args: readonly Expr[]): Expr {
  return { kind: "or", type: BOOLEAN, args };
}

export function isNull(arg: Expr, negated = false): Expr {
  return { kind: "isNull", type: BOOLEAN, negated, arg };
}

export function isTruth(arg: Expr, truth: boolean | null, negated = false): Expr {
  return { kind: "isTruth", type: BOOLEAN, negated, truth, arg };
}

export function isIn(arg: Expr, list: readonly Expr[], negated = false): Expr {
  return { kind: "in", type: BOOLEAN, negated, arg, list };
}

export function coalesce(...args: readonly Expr[]): Expr {
  return { kind: "coalesce", type: args[0]?.type ?? TEXT, args };
}

export function caseWhen(when: Expr, chosen: Expr, otherwise?: Expr): Expr {
  // oxlint-disable-next-line unicorn/no-thenable -- a branch of CASE is never awaited
  return { kind: "case", type: chosen.type, branches: [{ when, result: chosen }], otherwise };
}

/** SQLite text; constants become parameters, as they are in a plan. */
export function render(expr: Expr, parameters: SqliteValue[]): string {
  const inner = (arg: Expr): string => render(arg, parameters);
  switch (expr.kind) {
    case "constant":
      parameters.push(cellToSqlite(expr.value, expr.type));
      return "?";
    case "column":
      return `c${expr.column}`;
    case "call":
      return renderCall(
        expr.name,
        expr.args.map(inner),
        expr.args.map((arg) => arg.type),
      );
    case "cast":
      return renderCast(inner(expr.arg), expr.arg.type, expr.type);
    case "and":
    case "or":
      return `(${expr.args.map(inner).join(` ${expr.kind} `)})`;
    case "not":
      return `(NOT ${inner(expr.arg)})`;
    case "compare":
      return `(${inner(expr.left)} ${expr.op} ${inner(expr.right)})`;
    case "distinct":
      return `(${inner(expr.left)} IS ${expr.negated ? "" : "NOT "}${inner(expr.right)})`;
    case "isNull":
      return `(${inner(expr.arg)} IS ${expr.negated ? "NOT " : ""}NULL)`;
    case "isTruth": {
      const truth = expr.truth === null ? "NULL" : expr.truth ? "1" : "0";
      return `(${inner(expr.arg)} IS ${expr.negated ? "NOT " : ""}${truth})`;
    }
    case "in":
      return `(${inner(expr.arg)} ${expr.negated ? "NOT " : ""}IN (${expr.list.map(inner).join(", ")}))`;
    case "case": {
      const branches = expr.branches.map(({ when, result }) => `WHEN ${inner(when)} THEN ${inner(result)}`);
      const otherwise = expr.otherwise === undefined ? "" : ` ELSE ${inner(expr.otherwise)}`;
      return `(CASE ${branches.join(" ")}${otherwise} END)`;
    }
    case "coalesce":
      return `COALESCE(${expr.args.map(inner).join(", ")})`;
    default:
      throw new Error(`the test renderer has no ${expr.kind}`);
  }
}

/** What an evaluation came to: a cell or the error's message. */
export type Outcome = { readonly cell: Cell } | { readonly error: string };

function outcome(evaluate: () => Cell): Outcome {
  try {
    return { cell: evaluate() };
  } catch (thrown) {
    const error = errorFromSqlite(thrown);
    if (!(error instanceof DbError)) throw thrown;
    return { error: error.message };
  }
}

export function openDatabase(): Database {
  const db = new Database(":memory:", { safeIntegers: true });
  registerFunctions(db, generators);
  return db;
}

/** Over one row of the table given by `from`, its columns named c0, c1, …. */
export function bySqlite(db: Database, expr: Expr, from = ""): Outcome {
  const parameters: SqliteValue[] = [];
  const statement = db.prepare<{ v: SqliteValue }, SqliteValue[]>(`SELECT ${render(expr, parameters)} AS v ${from}`);
  try {
    return outcome(() => cellFromSqlite(statement.get(...parameters)?.v ?? null, expr.type));
  } finally {
    statement.finalize();
  }
}

/** Undefined when the expression does not compile. */
export function byCompile(expr: Expr, row: readonly Cell[] = []): Outcome | undefined {
  const evaluate = compile(expr, { cellIndex: (_relation, column) => column, generators });
  return evaluate && outcome(() => evaluate(row, []));
}

/** PostgreSQL's text of an outcome, NULL as null. */
export function shown(result: Outcome, type: SqlType): string | null {
  if ("error" in result) return `error: ${result.error}`;
  const text = castCell(type, TEXT)(result.cell);
  return text === null ? null : String(text);
}
