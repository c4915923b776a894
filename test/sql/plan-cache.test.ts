// The plan cache, and which literals a cached plan depends on.
import { afterAll, expect, test } from "bun:test";
import { liftLiterals } from "../../src/sql/lift-literals.ts";
import type { DataPlan } from "../../src/sql/plan.ts";
import { PlanCache } from "../../src/sql/plan-cache.ts";
import { openDatabase, plan, runQuery, textRows } from "./bind/fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

function cached(cache: PlanCache<DataPlan>, sql: string, catalogVersion = 1): string {
  const lifted = liftLiterals(sql);
  const key = { lifted, namespace: "app", catalogVersion, params: { count: 0, listRooms: new Map() } };
  const { plan: found } = cache.getOrPlan(key, () => plan(sql));
  if (found.kind !== "query") throw new Error(`${sql} is a ${found.kind}`);
  const rows = runQuery(db, { query: found, literals: lifted.literals });
  return textRows(found.output, rows)
    .map((row) => row.map((cell) => cell ?? "~").join("|"))
    .join(" ; ");
}

test("TB-07 statements that differ in literals share a plan and keep their own answers", () => {
  const cache = new PlanCache<DataPlan>(10);
  expect(cached(cache, "select name from items where id = 1")).toBe("apple");
  expect(cached(cache, "SELECT name  FROM items WHERE id = 2")).toBe("pear");
  expect(cached(cache, "select name from items where id = -3")).toBe("");
  expect(cached(cache, "select name from items where id = 3")).toBe("fig");
  expect(cache.stats()).toMatchObject({ hits: 2, misses: 2 });
});

/** Pairs of statements with one shape, whose answers must not come from the other's plan. */
const LOOKALIKES: readonly (readonly [
  why: string,
  first: string,
  second: string,
  answers: readonly [string, string],
])[] = [
  [
    "ORDER BY position",
    "select id, qty from orders_ order by 1 limit 1",
    "select id, qty from orders_ order by 2 limit 1",
    ["100|3", "102|1"],
  ],
  ["LIMIT is a value", "select id from items limit 1", "select id from items limit 2", ["1", "1 ; 2"]],
  [
    "interval",
    "select made + interval '1 day' from items where id = 2",
    "select made + interval '1 year' from items where id = 2",
    ["2024-02-02 00:00:00", "2025-02-01 00:00:00"],
  ],
  [
    "interval by cast",
    "select made + '1 day'::interval from items where id = 2",
    "select made + '2 days'::interval from items where id = 2",
    ["2024-02-02 00:00:00", "2024-02-03 00:00:00"],
  ],
  ["type modifier", "select 'abcdef'::varchar(2)", "select 'abcdef'::varchar(4)", ["ab", "abcd"]],
  ["decimal scale of a cast", "select 1.239::numeric(10, 1)", "select 1.239::numeric(10, 2)", ["1.2", "1.24"]],
  ["digits decide the type", "select 2 + 1", "select 3000000000 + 1", ["3", "3000000001"]],
  ["fraction digits decide the scale", "select 1.5", "select 1.55", ["1.5", "1.55"]],
  ["minus sign", "select - 5", "select - 0", ["-5", "0"]],
  [
    "separator",
    "select string_agg(name, '-' order by id) from items where id < 3",
    "select string_agg(name, '+' order by id) from items where id < 4",
    ["apple-pear", "apple+pear+fig"],
  ],
  [
    "grouped expression",
    "select qty + 1 from items group by qty + 1 order by 1 limit 1",
    "select qty + 2 from items group by qty + 2 order by 1 limit 1",
    ["6", "7"],
  ],
  [
    "unit of date_trunc",
    "select date_trunc('month', made) from items where id = 1",
    "select date_trunc('hour', made) from items where id = 1",
    ["2024-01-01 00:00:00", "2024-01-01 10:00:00"],
  ],
];

for (const [why, first, second, answers] of LOOKALIKES) {
  test(`TB-07 a plan is not taken for another statement: ${why}`, () => {
    const named = (sql: string): string =>
      sql.replace("orders_", "(select id, amount as qty from orders where id < 103) s");
    const order = (sqls: readonly string[]): string[] => {
      const cache = new PlanCache<DataPlan>(10);
      return sqls.map((sql) => cached(cache, named(sql)));
    };
    expect(order([first, second, first])).toEqual([answers[0], answers[1], answers[0]]);
    expect(order([second, first])).toEqual([answers[1], answers[0]]);
  });
}

test("TB-07 equal expressions of GROUP BY and the output list hold only for equal literals", () => {
  const cache = new PlanCache<DataPlan>(10);
  expect(cached(cache, "select qty + 1 from items where qty = 5 group by qty + 1")).toBe("6");
  expect(() => cached(cache, "select qty + 1 from items where qty = 5 group by qty + 2")).toThrow(
    "must appear in the GROUP BY clause",
  );
});

test("TB-07 another catalog, namespace or number of parameters is another plan", () => {
  const cache = new PlanCache<DataPlan>(10);
  cached(cache, "select 1", 1);
  cached(cache, "select 1", 2);
  expect(cache.stats()).toEqual({ hits: 0, misses: 2, entries: 2 });
  expect(cache.clear()).toBe(2);
  expect(cache.stats().entries).toBe(0);
});

test("TB-07 the cache keeps its bounds: texts by use, variants by age", () => {
  const cache = new PlanCache<DataPlan>(2);
  for (const sql of ["select 1", "select 'a'", "select null"]) cached(cache, sql);
  expect(cache.stats().entries).toBe(2);
  for (let days = 1; days <= 20; days++)
    cached(cache, `select made + '${days} days'::interval from items where id = 1`);
  const { misses } = cache.stats();
  cached(cache, "select made + '20 days'::interval from items where id = 1");
  expect(cache.stats().misses).toBe(misses);
  cached(cache, "select made + '1 days'::interval from items where id = 1");
  expect(cache.stats().misses).toBe(misses + 1);
});

test("TB-07 a statement that cannot be planned leaves nothing behind", () => {
  const cache = new PlanCache<DataPlan>(2);
  expect(() => cached(cache, "select nope from items")).toThrow("does not exist");
  expect(cache.stats().entries).toBe(0);
});
