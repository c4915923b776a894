// Every function of PostgreSQL 15 (`postgres-functions.txt`, from pg_proc) is either here or refused by its name.
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DbError } from "../../../src/base/errors.ts";
import { isAggregate } from "../../../src/sql/bind/aggregate.ts";
import { returnsRows } from "../../../src/sql/bind/row-functions.ts";
import { isWindowFunction } from "../../../src/sql/bind/window.ts";
import { functionNamed } from "../../../src/sql/functions/registry.ts";
import { answer, openDatabase } from "../bind/fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

const NAMES = readFileSync(new URL("postgres-functions.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");

/** Values of the session and what the binder makes of several calls. */
const MADE_BY_THE_BINDER: ReadonlySet<string> = new Set([
  "array_append",
  "array_positions",
  "array_prepend",
  "array_to_json",
  "current_database",
  "current_schema",
  "current_user",
  "json_build_array",
  "json_build_object",
  "jsonb_build_array",
  "jsonb_build_object",
  "now",
  "pg_typeof",
  "statement_timestamp",
  "transaction_timestamp",
  "version",
]);

function isHere(name: string): boolean {
  if (MADE_BY_THE_BINDER.has(name)) return true;
  return functionNamed(name) !== undefined || isAggregate(name) || isWindowFunction(name) || returnsRows(name);
}

function refusal(call: string): DbError | undefined {
  try {
    answer(db, `select ${call}`);
    return undefined;
  } catch (error) {
    if (error instanceof DbError) return error;
    throw error;
  }
}

test("TB-05 a function of PostgreSQL that is missing is refused by its name, with no arguments and with some", () => {
  const missing = NAMES.filter((name) => !isHere(name));
  expect(missing.length).toBeGreaterThan(1000);
  const otherwise: string[] = [];
  for (const name of missing) {
    for (const args of ["", "1", "'a', 'b'"]) {
      const error = refusal(`"${name}"(${args})`);
      const isTimeZone = name === "timezone" && error?.message.includes("AT TIME ZONE") === true;
      if (error?.message.includes(name) !== true && !isTimeZone) otherwise.push(`${name}(${args}): ${error?.message}`);
    }
  }
  expect(otherwise).toEqual([]);
});

test.each([
  ["to_tsvector('a')", "function to_tsvector is not supported: there is no text search"],
  ["nextval('a')", "function nextval is not supported: there are no sequences"],
])("TB-05 %s says what is missing", (call, message) => {
  expect(refusal(call)).toMatchObject({ code: "UNSUPPORTED", message });
});
