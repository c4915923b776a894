// Functions inside SQLite connections of both kinds: storage forms in and out, errors as they were thrown.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import { DbError } from "../../../src/base/errors.ts";
import { errorFromSqlite, registerFunctions } from "../../../src/sql/functions/register.ts";
import { generators } from "./expressions.ts";

interface Connection {
  readonly one: (sql: string) => unknown;
}

function open(kind: "bun:sqlite" | "node:sqlite"): Connection {
  if (kind === "node:sqlite") {
    const db = new DatabaseSync(":memory:");
    registerFunctions(db, generators);
    return { one: (sql) => Object.values(db.prepare(sql).get() ?? {})[0] };
  }
  const db = new Database(":memory:");
  registerFunctions(db, generators);
  return { one: (sql) => db.prepare<unknown[], []>(sql).values()[0]?.[0] };
}

describe.each(["bun:sqlite", "node:sqlite"] as const)("TB-05 functions registered with %s", (kind) => {
  const { one } = open(kind);

  test.each([
    ["integers stay INTEGER", "typeof(k_add_int_int(1, 2))", "integer"],
    [
      "booleans are integers",
      "typeof(k_starts_with_text_text('ab', 'a')) || k_starts_with_text_text('ab', 'a')",
      "integer1",
    ],
    ["bigint is exact", "k_add_bigint_bigint(9007199254740992, 1) || ''", "9007199254740993"],
    ["a decimal takes its scale from the call", "k_cast_decimal_text(k_cast_text_decimal('1.5', 10, 2), 2)", "1.50"],
    ["text with characters beyond the BMP", "k_reverse_text('a😀')", "😀a"],
    ["bytes", "hex(k_decode_text_text('00ff', 'hex'))", "00FF"],
    ["NULL makes NULL", "k_add_int_int(1, NULL)", null],
  ])("%s", (_why, sql, expected) => {
    expect(one(`SELECT ${sql}`)).toBe(expected);
  });

  test("an error arrives as the DbError that was thrown", () => {
    const ask = (): unknown => one("SELECT k_divide_int_int(1, 0)");
    expect(ask).toThrow(expect.objectContaining({ code: "SQL_EXECUTION_ERROR", message: "division by zero" }));
  });

  test("the connection is usable after an error", () => {
    expect(() => one("SELECT k_cast_text_int('x')")).toThrow(DbError);
    expect(one("SELECT k_cast_text_int('7')")).toBe(7);
  });

  test("SQLite's own errors about values become DbErrors", () => {
    const caught = (sql: string): DbError | undefined => {
      try {
        one(sql);
      } catch (error) {
        return errorFromSqlite(error);
      }
      return undefined;
    };
    expect(caught("SELECT sum(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1)")?.message).toBe(
      "bigint out of range",
    );
    expect(caught("SELECT zeroblob(2000000000)")?.code).toBe("SQL_EXECUTION_ERROR");
    expect(caught("SELECT nonsense")).toBeUndefined();
  });
});

test("TB-05 an error that is nobody's value is not translated", () => {
  expect(errorFromSqlite(new TypeError("x is undefined"))).toBeUndefined();
  expect(errorFromSqlite("text")).toBeUndefined();
});
