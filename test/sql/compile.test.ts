// What `compile` refuses, and where its closures take their values from. What they answer is held in `functions/`.
import { describe, expect, test } from "bun:test";
import type { Cell } from "../../src/model/sql-type.ts";
import { type CompileOptions, compile } from "../../src/sql/compile.ts";
import type { Expr } from "../../src/sql/expression.ts";
import { and, call, compare, generators, int, isIn, op, or, txt } from "./functions/expressions.ts";

const options: CompileOptions = { cellIndex: (relation, column) => (relation === 0 ? column : undefined), generators };
const query: Expr = {
  kind: "query",
  type: { kind: "boolean" },
  form: "subquery",
  args: [],
  render: () => "EXISTS (SELECT 1)",
};
const slot: Expr = { kind: "slot", type: { kind: "int" }, slot: 1 };
const column = (relation: number): Expr => ({ kind: "column", type: { kind: "int" }, relation, column: 2 });

describe("LQ-09 what cannot be evaluated on a row alone does not compile", () => {
  test.each<[why: string, expr: Expr]>([
    ["a sub-query", query],
    ["a sub-query deep inside", or(compare(int(1), "=", int(2)), and(query, query))],
    ["a column of a relation the row is not of", compare(column(1), "=", int(1))],
    ["a regular expression, whose time has no bound", op("~", txt("aaaa"), txt("(a+)+$"))],
    ["a list with something of these", isIn(int(1), [int(2), column(1)])],
  ])("%s", (_why, expr) => {
    expect(compile(expr, options)).toBeUndefined();
  });

  test.each(["snowflake_id", "uuid_v7", "ulid", "random"])("%s, where the answer must repeat", (name) => {
    expect(compile(call(name), { ...options, deterministic: true })).toBeUndefined();
    expect(compile(call(name), options)).toBeDefined();
  });
});

test("LQ-09 a closure reads the row's cells and the statement's slots", () => {
  const evaluate = compile(op("+", column(0), slot), options);
  const row: readonly Cell[] = [null, null, 40];
  expect(evaluate?.(row, [0, 2])).toBe(42);
  expect(evaluate?.([null, null, null], [0, 2])).toBeNull();
  expect(evaluate?.(row, [])).toBeNull();
});

test("TB-05 a generator makes a new value at each evaluation", () => {
  const evaluate = compile(call("snowflake_id"), options);
  expect(evaluate?.([], [])).not.toBe(evaluate?.([], []) ?? null);
});

test("LQ-09 an error in constants belongs to the row that reaches it, not to compilation", () => {
  const evaluate = compile(op("/", int(1), int(0)), options);
  expect(() => evaluate?.([], [])).toThrow("division by zero");
});

test("LQ-09 a match against a column's own pattern follows the pattern from row to row", () => {
  const text = (index: number): Expr => ({ kind: "column", type: { kind: "text" }, relation: 0, column: index });
  const evaluate = compile(op("~~", text(0), text(1)), options);
  expect(
    [
      ["ab", "a%"],
      ["ab", "b%"],
      ["ab", "%b"],
    ].map((row) => evaluate?.(row, [])),
  ).toEqual([true, false, true]);
});
