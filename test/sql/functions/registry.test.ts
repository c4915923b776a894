// Which overload a call means, which types meet in which, and the shape of the registry itself.
import { describe, expect, test } from "bun:test";
import type { SqlType, TypeKind } from "../../../src/model/sql-type.ts";
import { castRule } from "../../../src/sql/functions/casts.ts";
import { commonType } from "../../../src/sql/functions/common-type.ts";
import { FUNCTIONS } from "../../../src/sql/functions/function-list.ts";
import { FUNCTION_NAMES, functionNamed, lookupFunction, resolveOperator } from "../../../src/sql/functions/registry.ts";

const decimal = (precision: number, scale: number): SqlType => ({ kind: "decimal", precision, scale });
/** `?` is an untyped literal, `2.1` a decimal(2,1). */
function type(text: string): SqlType | undefined {
  if (text === "?") return undefined;
  const [precision, scale] = text.split(".");
  if (scale !== undefined) return decimal(Number(precision), Number(scale));
  return { kind: text as Exclude<TypeKind, "decimal" | "embedding" | "array"> };
}
const types = (text: string): (SqlType | undefined)[] => (text === "" ? [] : text.split(" ").map(type));
function shown(
  found: { readonly argTypes: readonly SqlType[]; readonly type: SqlType } | undefined,
): string | undefined {
  const one = (t: SqlType): string => (t.kind === "decimal" ? `${t.precision}.${t.scale}` : t.kind);
  return found && `${found.argTypes.map(one).join(" ")} -> ${one(found.type)}`;
}

describe("TB-05 an operator finds the overload PostgreSQL would", () => {
  test.each([
    ["same types", "+", "int int", "int int -> int"],
    ["the narrower operand is cast", "+", "smallint bigint", "bigint bigint -> bigint"],
    ["int and decimal", "+", "int 5.2", "10.0 5.2 -> 38.2"],
    ["a real meets another number as double", "*", "float int", "double double -> double"],
    ["reals stay real", "*", "float float", "float float -> float"],
    ["an untyped operand takes the other's type", "+", "? bigint", "bigint bigint -> bigint"],
    ["date minus an untyped operand is date minus date", "-", "date ?", "date date -> int"],
    ["prefix minus", "-", "5.2", "5.2 -> 5.2"],
    ["text and a number do not add", "+", "text int", undefined],
    ["text takes anything into a concatenation", "||", "text int", "text text -> text"],
    ["two numbers do not concatenate", "||", "int int", undefined],
    ["untyped operands concatenate as text", "||", "? ?", "text text -> text"],
    ["LIKE with escape", "~~", "text text ?", "text text text -> boolean"],
    ["a JSON step is a key unless typed otherwise", "->", "json ?", "json text -> json"],
    ["or an index", "->>", "json int", "json int -> text"],
    ["no remainder of doubles", "%", "double double", undefined],
    ["no such operator", "<~>", "int int", undefined],
  ])("%s", (_why, symbol, operands, expected) => {
    expect(shown(resolveOperator(symbol, types(operands)))).toBe(expected);
  });

  test("TB-05 a negated operator is the plain one under NOT", () => {
    expect(resolveOperator("!~~*", types("text text"))).toMatchObject({ name: "ilike", negated: true });
  });
});

describe("TB-05 a function finds the overload PostgreSQL would", () => {
  test.each([
    ["ceil of an int is double precision", "ceil", "int", "double -> double"],
    ["abs keeps its type", "abs", "bigint", "bigint -> bigint"],
    ["an untyped argument is text if it may be", "length", "?", "text -> int"],
    ["else double precision", "abs", "?", "double -> double"],
    ["a date goes where a timestamp is asked for", "date_trunc", "? date", "text timestamp -> timestamp"],
    ["no implicit cast to text", "length", "int", undefined],
    ["except where anything is taken as text", "concat", "int boolean ?", "text text text -> text"],
    ["a bigint is no position", "substr", "text bigint", undefined],
    ["variadic decimals share one type", "greatest", "3.1 5.3 int", "13.3 13.3 13.3 -> 13.3"],
    ["variadic functions need their first arguments", "concat_ws", "text", undefined],
    ["a wrong number of arguments", "lower", "text text", undefined],
    ["more arguments than SQLite takes", "concat", "? ".repeat(101).trim(), undefined],
    ["operators are no functions", "multiply", "int int", undefined],
    ["names of Object's own are no functions", "constructor", "", undefined],
  ])("%s", (_why, name, args, expected) => {
    expect(shown(lookupFunction(name, types(args)))).toBe(expected);
  });

  test("TB-05 names for suggestions are callable, sorted and without operators", () => {
    expect(FUNCTION_NAMES).toContain("date_trunc");
    expect(FUNCTION_NAMES).not.toContain("add_interval");
    expect(FUNCTION_NAMES.filter((name) => functionNamed(name) === undefined)).toEqual([]);
    expect([...FUNCTION_NAMES].sort()).toEqual([...FUNCTION_NAMES]);
  });
});

test("TB-05 no name is defined twice, no overload repeats the kinds of another", () => {
  expect(new Set(FUNCTIONS.map((f) => f.name)).size).toBe(FUNCTIONS.length);
  for (const { name, overloads } of FUNCTIONS) {
    const signatures = overloads.map(({ args }) => `${name}(${args.join()})`);
    expect(signatures).toEqual([...new Set(signatures)]);
  }
});

describe("TB-04 operands of a comparison meet in one type", () => {
  test.each([
    ["smallint bigint", "bigint"],
    ["bigint 4.3", { precision: 22, scale: 3 }],
    ["38.0 38.38", { precision: 38, scale: 38 }],
    ["10.2 double", "double"],
    ["float int", "double"],
    ["? date", "date"],
    ["? ?", "text"],
    ["date timestamp", "timestamp"],
    ["datetime timestamp", "datetime"],
    ["text int", undefined],
    ["boolean int", undefined],
    ["date time", undefined],
  ])("%s", (given, expected) => {
    const common = commonType(types(given));
    if (typeof expected === "object") expect(common).toMatchObject(expected);
    else expect<string | undefined>(common?.kind).toBe(expected);
  });
});

test.each([
  ["int", "bigint", "implicit"],
  ["bigint", "int", "assignment"],
  ["decimal", "double", "implicit"],
  ["double", "decimal", "assignment"],
  ["date", "timestamp", "implicit"],
  ["timestamp", "date", "assignment"],
  ["int", "text", "assignment"],
  ["text", "int", "explicit"],
  ["boolean", "int", "explicit"],
  ["json", "int", "explicit"],
  ["boolean", "date", undefined],
  ["bytes", "int", undefined],
  ["time", "timestamp", undefined],
] as const)("TB-04 a cast from %s to %s is %s", (from, to, context) => {
  const typeOf = (kind: Exclude<TypeKind, "embedding" | "array">): SqlType =>
    kind === "decimal" ? decimal(10, 2) : { kind };
  expect(castRule(typeOf(from), typeOf(to))?.context).toBe(context);
  expect(castRule(typeOf(from), typeOf(to))?.implicit ?? false).toBe(context === "implicit");
});
