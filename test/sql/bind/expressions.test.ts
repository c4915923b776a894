// Expressions without rows: literals, operators, NULL. The answers are PostgreSQL's.
import { afterAll, expect, test } from "bun:test";
import { answer, openDatabase } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** Rows are separated by ` ; `, columns by `|`, NULL is `~`. */
const CASES: readonly (readonly [why: string, sql: string, rows: string])[] = [
  ["integer literal", "select 1", "1"],
  ["negative literals fold their sign", "select -5, - -5, -(-5), +3", "-5|5|5|3"],
  ["arithmetic precedence", "select 2 + 3 * 4 - 1", "13"],
  ["integer division truncates toward zero", "select 7 / 2, -7 / 2, 7 % 3, -7 % 3", "3|-3|1|-1"],
  ["numeric literal keeps its digits", "select 1.50 + 1", "2.50"],
  ["text concatenation", "select 'a' || 'b'", "ab"],
  ["a number beside text becomes text", "select 'n' || 5", "n5"],
  ["NULL swallows a concatenation", "select 'a' || null", "~"],
  ["string with a quote", "select 'it''s'", "it's"],
  ["three-valued AND", "select (null and false), (null and true), (true and true)", "f|~|t"],
  ["three-valued OR", "select (null or false), (null or true), (false or false)", "~|t|f"],
  ["NOT of NULL is NULL", "select not null::boolean", "~"],
  ["NULL = NULL is NULL", "select (null = null) is null", "t"],
  [
    "IS TRUE never gives NULL",
    "select (null::boolean) is true, (null::boolean) is not true, true is true, (null::boolean) is unknown",
    "f|t|t|t",
  ],
  [
    "IS DISTINCT FROM counts NULL as a value",
    "select null is distinct from 1, 1 is distinct from 1, null is not distinct from null",
    "t|f|t",
  ],
  ["IN with NULL in the list", "select 1 in (2, null), 1 in (1, null), 1 not in (2, null)", "~|t|~"],
  ["BETWEEN includes both ends", "select 5 between 5 and 5, 5 between 6 and 7, 5 not between 6 and 7", "t|f|t"],
  ["BETWEEN does not swap its bounds", "select 5 between 7 and 3, 5 between symmetric 7 and 3", "f|t"],
  ["CASE takes the first true branch", "select case when null then 1 when true then 2 else 3 end", "2"],
  ["CASE without ELSE is NULL", "select case when false then 1 end", "~"],
  ["simple CASE compares", "select case 2 when 1 then 'one' when 2 then 'two' end", "two"],
  ["CASE with NULL subject matches nothing", "select case null::int when null then 'a' else 'b' end", "b"],
  ["COALESCE takes the first value", "select coalesce(null, null, 3), coalesce(null, 'x')", "3|x"],
  ["NULLIF", "select nullif(1, 1), nullif(1, 2), nullif('a', null)", "~|1|a"],
  ["GREATEST and LEAST skip NULL", "select greatest(1, null, 3), least(2, null, 1)", "3|1"],
  ["row equality", "select (1, 2) = (1, 2), (1, 2) = (1, 3), (1, null) = (2, 3)", "t|f|f"],
  ["row order is lexicographic", "select (1, 2) < (1, 3), (2, 1) < (1, 3), (1, 3) <= (1, 3)", "t|f|t"],
  ["ANY of a list", "select 2 = any(array[1, 2]), 3 <> all(array[1, 2]), 2 > all(array[1, 3])", "t|t|f"],
];

for (const [why, sql, rows] of CASES) {
  test(`TB-04 TB-06 ${why}`, () => {
    expect(answer(db, sql).join(" ; ")).toBe(rows);
    // The same statement with its literals left in the plan.
    expect(answer(db, sql, { lifted: false }).join(" ; ")).toBe(rows);
  });
}
