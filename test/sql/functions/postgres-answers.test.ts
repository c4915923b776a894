// Expressions and what PostgreSQL 15 answers them, in `answers/*.tsv`: an expression, a tab, and the value as `COPY (SELECT (expression)::text) TO STDOUT`
// wrote it (or `error: ` and its message). Each is asked with its literals in slots and left in the plan.
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { DbError } from "../../../src/base/errors.ts";
import { answer, live, openDatabase, slotCells } from "../bind/fixture.ts";

const FOLDER = new URL("answers/", import.meta.url).pathname;
const db = openDatabase();
afterAll(() => db.close());

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\" };

/** Of COPY's text format. */
function unescaped(field: string): string {
  return field === "\\N" ? "~" : field.replaceAll(/\\(.)/g, (_all, letter: string) => ESCAPED[letter] ?? letter);
}

function asked(expression: string, lifted: boolean): string {
  try {
    return answer(db, `select (${expression})::text`, { lifted }).join(" ; ");
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return `error: ${error.message}`;
  }
}

/** What a live query that asks whether the expression is the answer says of a row; undefined where it is no closure. */
function livePredicate(expression: string, expected: string): boolean | string | undefined {
  const isNull = expected === "~";
  const condition = isNull ? "is null" : `= '${expected.replaceAll("'", "''")}'`;
  try {
    const { plan, literals } = live(`select * from app.items where (${expression})::text ${condition}`);
    return plan.predicate?.([], slotCells(plan.slots, literals)) === true ? true : plan.predicate && false;
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return `error: ${error.message}`;
  }
}

for (const file of readdirSync(FOLDER).toSorted()) {
  const rows = readFileSync(FOLDER + file, "utf8")
    .trimEnd()
    .split("\n");
  describe(`TB-05 ${file.replace(".tsv", "")}: the answers are PostgreSQL's`, () => {
    test.each(rows.map((row) => row.split("\t").map(unescaped)))("%s", (expression = "", expected = "") => {
      expect(asked(expression, true)).toBe(expected);
      expect(asked(expression, false)).toBe(expected);
    });

    test("LQ-09 and those of live predicates too", () => {
      const others = rows
        .map((row) => row.split("\t").map(unescaped))
        .filter(([expression = ""]) => !/\bselect\b/i.test(expression))
        .map(([expression = "", expected = ""]) => ({
          expression,
          expected,
          said: livePredicate(expression, expected),
        }))
        // What differs from call to call is refused there by name.
        .filter(({ said }) => !String(said).endsWith("in a live query is not supported"))
        .filter(({ expected, said }) => said !== undefined && said !== true && said !== expected);
      expect(others).toEqual([]);
    });
  });
}
