import { expect, test } from "bun:test";
import { DbError } from "../../../src/base/errors.ts";
import { toFailure } from "../../../src/engine/query/query-failure.ts";

function sqliteError(message: string, errcode: number): Error {
  return Object.assign(new Error(message), { errcode });
}

test.each([
  ["a table that went while the statement ran", sqliteError("no such table: hot_7", 1), "TABLE_NOT_FOUND"],
  ["a name in the text we rendered", sqliteError("no such column: t0.c3", 1), "INTERNAL_ERROR"],
  ["a fault of the text we rendered", sqliteError('near "FORM": syntax error', 1), "INTERNAL_ERROR"],
  ["a value that does not fit", sqliteError("integer overflow", 1), "SQL_EXECUTION_ERROR"],
  ["memory", sqliteError("out of memory", 7), "OUT_OF_MEMORY"],
  ["the disk", sqliteError("disk I/O error", 10), "STORAGE_ERROR"],
  ["a lock", sqliteError("database is locked", 5), "SERVER_BUSY"],
  ["a bug", new TypeError("undefined is not a function"), "INTERNAL_ERROR"],
  ["an error of ours", new DbError("INVALID_VALUE", "no"), "INVALID_VALUE"],
] as const)("TB-12 %s fails with its own code", (_why, error, code) => {
  expect(toFailure(error).code).toBe(code);
});

test("TB-12 a dropped table is not called by the name it has in the buffer", () => {
  expect(toFailure(sqliteError("no such table: hot_7", 1)).message).not.toContain("hot_7");
});
