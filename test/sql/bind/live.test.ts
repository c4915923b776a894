// Live plans: what is accepted, the predicate against SQL, terms for routing, shapes, and the three reads.
import { afterAll, expect, test } from "bun:test";
import type { Cell } from "../../../src/model/sql-type.ts";
import { parseCell } from "../../../src/model/types.ts";
import type { ValueSource } from "../../../src/sql/plan.ts";
import { answer, ITEM_ROWS, items, live, openDatabase, refusal, runQuery, slotCells } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

const ROWS: readonly (readonly Cell[])[] = ITEM_ROWS.map((row, index) => [
  ...items.columns.map((column, i) => parseCell(row[i] ?? null, column.type, column.name)),
  BigInt(1000 + index),
  false,
]);

/** Each is run by SQLite and evaluated on the same rows in JavaScript. */
const PREDICATES: readonly string[] = [
  "qty > 5",
  "qty = 10 and active",
  "qty > 5 or name = 'fig'",
  "not (qty > 5)",
  "qty is null",
  "qty is distinct from 10",
  "active is not true",
  "name in ('apple', 'fig', null)",
  "name not in ('apple')",
  "qty between 5 and 9",
  "name like 'a%'",
  "name ilike 'A%'",
  "name < 'b'",
  "price >= 2.25",
  "price * 2 = 3.00",
  "weight < 0",
  "made > '2024-01-01'",
  "made + interval '1 day' > '2024-01-02 09:00'",
  "day = '2024-02-01'",
  "tags ->> 'a' = 'x'",
  "ref is not null",
  "id in (1, 2, 99)",
  "small = -7",
  "case when qty is null then 'none' else 'some' end = 'none'",
  "coalesce(qty, 0) + id > 6",
  "upper(name) = 'APPLE'",
  "(qty, id) > (10, 1)",
  "made < now()",
  "id % 2 = 1",
  "true",
  "null",
];

test.each(PREDICATES)("LQ-09 the live filter and SQL agree: %s", (where) => {
  const { plan, literals } = live(`select * from app.items where ${where}`);
  const slots = slotCells(plan.slots, literals);
  const matching = ROWS.filter((row) => plan.predicate?.(row, slots) === true).map((row) => String(row[0]));
  expect(matching).toEqual(answer(db, `select id from items where ${where} order by id`));
});

const REFUSED: readonly (readonly [sql: string, code: string, message: string])[] = [
  ["select * from items order by id", "UNSUPPORTED", "ORDER BY in a live query is not supported"],
  ["select * from items limit 5", "UNSUPPORTED", "LIMIT in a live query is not supported"],
  ["select * from items offset 5", "UNSUPPORTED", "OFFSET in a live query is not supported"],
  ["select distinct name from items", "UNSUPPORTED", "DISTINCT in a live query is not supported"],
  ["select qty from items group by qty", "UNSUPPORTED", "GROUP BY in a live query is not supported"],
  ["select name from items having true", "UNSUPPORTED", "HAVING in a live query is not supported"],
  ["select count(*) from items", "UNSUPPORTED", "an expression in the output list in a live query is not supported"],
  ["select id + 1 from items", "UNSUPPORTED", "an expression in the output list in a live query is not supported"],
  ["select * from items, orders", "UNSUPPORTED", "more than one table in a live query is not supported"],
  ["select i.id from items i join orders o on true", "UNSUPPORTED", "JOIN in a live query is not supported"],
  ["select * from (select 1) s", "UNSUPPORTED", "a sub-query in FROM in a live query is not supported"],
  ["with c as (select 1) select * from items", "UNSUPPORTED", "WITH in a live query is not supported"],
  [
    "select id from items union select id from orders",
    "UNSUPPORTED",
    "UNION, INTERSECT or EXCEPT in a live query is not supported",
  ],
  ["select id from items for update", "UNSUPPORTED", "FOR UPDATE in a live query is not supported"],
  ["values (1)", "UNSUPPORTED", "VALUES in a live query is not supported"],
  ["select 1", "UNSUPPORTED", "a SELECT without FROM in a live query is not supported"],
  ["select _seq from items", "UNSUPPORTED", "_seq in the output list in a live query is not supported"],
  ["select id, id from items", "UNSUPPORTED", "a column named twice in a live query is not supported"],
  [
    "select * from system.jobs",
    "PERMISSION_DENIED",
    "Permission denied: Cannot subscribe to system table 'system.jobs'",
  ],
  [
    "select * from items where random() < 0.5",
    "UNSUPPORTED",
    "random, whose value differs from call to call, in a live query is not supported",
  ],
  [
    "select * from items where id in (select id from orders where random() < 0.5)",
    "UNSUPPORTED",
    "random, whose value differs from call to call, in a live query is not supported",
  ],
  [
    "select * from items where exists (select 1 from system.jobs)",
    "UNSUPPORTED",
    "the system view system.jobs in a live query is not supported",
  ],
  ["select * from items where _deleted", "UNSUPPORTED", "_deleted in WHERE in a live query is not supported"],
  ["select * from app.nope", "TABLE_NOT_FOUND", "Not found: Table not found: app.nope"],
  ["select nope from items", "COLUMN_NOT_FOUND", 'column "nope" does not exist'],
  ["select * from items where qty", "SQL_EXECUTION_ERROR", "argument of WHERE must be type boolean, not type integer"],
  ["delete from items where id = 1", "UNSUPPORTED", "DELETE as a live query is not supported"],
];

test.each(REFUSED)("LQ-09 a live query names what it cannot keep: %s", (sql, code, message) => {
  expect(refusal(() => live(sql))).toMatchObject({ code, message });
});

test.each([
  ["select * from items", "filter", []],
  ["select * from items where name = 'a'", "filter", [1]],
  ["select * from items where name ~ '^a' and id = 1", "matchRows", [0]],
  ["select * from items where id in (select 1)", "rerun", []],
  ["select * from items where id = 1 and exists (select 1 from orders o where o.id = items.id)", "rerun", []],
  ["select * from items where name ~ '^a' and id > all (select 1)", "rerun", []],
] as const)("LQ-09 the predicate decides the strategy, and what changes are routed by: %s", (sql, kind, columns) => {
  const { plan } = live(sql);
  expect([plan.strategy.kind, plan.terms.map((term) => (term.kind === "any" ? undefined : term.column))]).toEqual([
    kind,
    [...columns],
  ]);
  expect(plan.predicate === undefined).toBe(kind !== "filter" || columns.length === 0);
});

test("LQ-09 LQ-16 sub-queries over different tables or columns never share a shape", () => {
  const shapes = [
    "select * from items where id in (select id from orders)",
    "select * from items where id in (select id from items)",
    "select * from items where id in (select qty from items)",
    "select * from items where id not in (select id from orders)",
    "select * from items where exists (select 1 from items i where i.id = items.id)",
    "select * from items where exists (select 1 from items i where i.id = i.qty)",
  ].map((sql) => live(sql).plan.shape);
  expect(new Set(shapes).size).toBe(shapes.length);
});

test("LQ-09 projection and output", () => {
  const { plan: whole } = live("select * from items i");
  expect(whole).toMatchObject({
    wholeRow: true,
    predicate: undefined,
    projection: items.columns.map((_, index) => index),
  });
  expect(whole.output.map((column) => column.name).slice(-2)).toEqual(["_seq", "_deleted"]);
  const { plan: some } = live("select name as n, i.id from app.items i");
  expect(some).toMatchObject({ wholeRow: false, projection: [1, 0] });
  expect(some.output.map((column) => column.name)).toEqual(["n", "id"]);
});

test("LQ-09 terms are the conjuncts an index can use", () => {
  const slot = (index: number): ValueSource => ({ kind: "slot", slot: index });
  expect(
    live("select * from items where name = 'a' and qty > 5 and qty <= $1 and small = 3 and upper(name) = 'A'").plan
      .terms,
  ).toEqual([
    { kind: "equal", column: 1, values: [slot(0)] },
    { kind: "equal", column: 3, values: [slot(3)] },
    { kind: "range", column: 2, low: slot(1), lowInclusive: false, high: slot(2), highInclusive: true },
  ]);
  expect(live("select * from items where 10 > qty and id in (1, 2)").plan.terms).toEqual([
    { kind: "equal", column: 0, values: [slot(1), slot(2)] },
    { kind: "range", column: 2, low: undefined, lowInclusive: false, high: slot(0), highInclusive: false },
  ]);
  expect(live("select * from items where name is null and (name = 'a' or qty > 1 and id = 2)").plan.terms).toEqual([
    { kind: "null", column: 1 },
    {
      kind: "any",
      arms: [
        [{ kind: "equal", column: 1, values: [slot(0)] }],
        [
          { kind: "equal", column: 0, values: [slot(2)] },
          { kind: "range", column: 2, low: slot(1), lowInclusive: false, high: undefined, highInclusive: false },
        ],
      ],
    },
  ]);
  // An arm that no index finds makes the whole OR one that none finds.
  expect(live("select * from items where name = 'a' or upper(name) = 'B'").plan.terms).toEqual([]);
  expect(live("select * from items where name is not null").plan.terms).toEqual([{ kind: "notNull", column: 1 }]);
  expect(live("select * from items where id not in (1) and qty <> 2 and name = name").plan.terms).toEqual([]);
  // A fraction compares as decimal: no value of the column's own type stands for it.
  expect(live("select * from items where qty > 5.5").plan.terms).toEqual([]);
});

test("LQ-09 equal shapes: spelling, alias and literal values do not matter, meaning does", () => {
  const shape = (sql: string): string => live(sql).plan.shape;
  const base = shape("select * from items where qty > 5");
  for (const same of ["SELECT * FROM app.items AS x WHERE x.qty > 7", "select * from items where (qty > $1)"]) {
    expect(shape(same)).toBe(base);
  }
  for (const other of [
    "select * from items where qty >= 5",
    "select * from items where small > 5",
    "select id from items where qty > 5",
    "select * from items where qty > 5.5",
    "select * from items where not (qty > 5)",
    "select * from items",
  ]) {
    expect(shape(other)).not.toBe(base);
  }
});

test("LQ-09 snapshot, last rows and history read within their bounds", () => {
  const { plan, literals } = live("select name from items where qty = 10");
  const read = (query: typeof plan.snapshot, bounds: { afterSeq: bigint; upToSeq: bigint; limit: bigint }): string[] =>
    runQuery(db, { query, literals, options: { bounds } }).map((row) => row.slice(0, 3).join(" "));
  const all = { afterSeq: 0n, upToSeq: 9999n, limit: 10n };
  expect(read(plan.snapshot, all)).toEqual(["1001 false 4", "1004 false 1"]);
  expect(read(plan.snapshot, { ...all, limit: 1n })).toEqual(["1001 false 4"]);
  expect(read(plan.snapshot, { ...all, afterSeq: 1001n })).toEqual(["1004 false 1"]);
  expect(read(plan.snapshot, { ...all, upToSeq: 1003n })).toEqual(["1001 false 4"]);
  expect(read(plan.lastRows, { ...all, limit: 1n })).toEqual(["1004 false 1"]);
  expect(read(plan.history, { ...all, afterSeq: 1002n })).toEqual(["1003 false 2", "1004 false 1"]);
  expect(plan.snapshot.slots.slice(0, plan.slots.length)).toEqual([...plan.slots]);
});

test("LQ-09 history shows tombstones, of the reader only", () => {
  const { plan, literals } = live("select * from notes where score = 1");
  const bounds = { afterSeq: 0n, upToSeq: 9999n, limit: 10n };
  const read = (user: string): string[] =>
    runQuery(db, { query: plan.history, literals, options: { bounds, user } }).map(([, deleted, id]) =>
      [id, deleted].join(" "),
    );
  expect(read("ann")).toEqual(["n1 false", "n2 false", "n0 true"]);
  expect(read("bob")).toEqual(["n1 false"]);
});
