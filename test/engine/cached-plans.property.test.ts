// A plan that is shared by statements of one form gives each of them its own values, wherever their comments, spaces and equal literals stand.
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type EngineFixture, openEngine } from "./engine-fixture.ts";

let engine: EngineFixture;
beforeAll(async () => {
  engine = await openEngine();
  await engine.run("CREATE SHARED TABLE t (id BIGINT PRIMARY KEY, n INT NOT NULL)");
  await engine.run("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Two values, so that equal literals are common: they are what can be taken for one another. */
const number = fc.constantFrom(1, 2);
const filler = fc.string({ unit: fc.constantFrom("1", "2", "'", " ", "é"), maxLength: 10 });
const comment = fc.oneof(
  filler.map((text) => `--${text}\n`),
  filler.map((text) => `/*${text}*/ `),
);
const statement = fc.record({
  numbers: fc.tuple(number, number, number),
  before: fc.oneof(fc.constant(""), comment),
  between: fc.oneof(fc.constant(" "), comment),
});

test("TB-07 a cached plan answers every statement of its form with that statement's literals", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { minLength: 2, maxLength: 8 }), async (statements) => {
      await engine.run("CLEAR CACHE");
      for (const { numbers, before, between } of statements) {
        const [one, two, low] = numbers;
        const sql = `${before}SELECT ${one} AS a, ${two} AS b${between}FROM t WHERE n >= ${low}`;
        const rows = (await engine.rows(sql)).map((row) => row.map(Number));
        expect({ sql, rows }).toEqual({ sql, rows: Array.from({ length: 4 - low }, () => [one, two]) });
      }
    }),
    { numRuns: 300 },
  );
});
