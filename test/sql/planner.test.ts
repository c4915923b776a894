// Plans as values: isolation, strategy, slots, output columns, default order.
import { afterAll, expect, test } from "bun:test";
import { TYPES } from "../../src/model/types.ts";
import { slotsToSqlite } from "../../src/sql/bind/slots.ts";
import type { QueryPlan, RelationUse } from "../../src/sql/plan.ts";
import {
  answer,
  items,
  live,
  notes,
  openDatabase,
  orders,
  plan,
  queryOf,
  refusal,
  runQuery,
  slotCells,
  sqlText,
} from "./bind/fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** Statements of every form there is, all reading or writing the USER table. */
const USER_STATEMENTS: readonly (readonly [why: string, sql: string])[] = [
  ["plain", "select * from notes"],
  ["by key", "select body from notes where id = 'n1'"],
  ["spelled ns.user.table", "select body from app.user.notes"],
  ["alias", "select n.body from notes as n"],
  ["aggregate", "select count(*), max(body) from notes"],
  ["self join", "select a.body from notes a join notes b on a.id = b.id"],
  ["outer join", "select n.body from items i left join notes n on n.score = i.qty"],
  ["sub-query in FROM", "select s.body from (select body from notes) s"],
  ["scalar sub-query", "select (select max(body) from notes)"],
  ["EXISTS", "select id from items where exists (select 1 from notes)"],
  ["IN", "select id from items where name in (select body from notes)"],
  ["union", "select body from notes union all select name from items"],
  ["CTE", "with n as (select body from notes) select * from n"],
  [
    "recursive CTE",
    "with recursive r(id) as (select id from notes union select n.id from notes n join r on r.id = n.id) select * from r",
  ],
  ["window", "select body, count(*) over () from notes"],
  ["tombstones", "select body from notes where _deleted"],
  ["VALUES beside it", "select body from notes, (values (1)) v(x)"],
  ["INSERT from it", "insert into orders (id, note) select score, body from notes"],
  ["INSERT with a sub-query", "insert into orders (id, note) values (1, (select max(body) from notes))"],
  ["UPDATE", "update notes set body = 'x' where score > 0"],
  ["UPDATE with a sub-query", "update orders set note = (select max(body) from notes) where id = 100"],
  ["DELETE", "delete from notes where id = 'n1'"],
  ["DELETE with a sub-query", "delete from orders where note in (select body from notes)"],
  ["RETURNING", "delete from notes where id = 'n1' returning *"],
  ["stream", "select * from clicks"],
];

function queriesOf(sql: string): readonly QueryPlan[] {
  const { plan: found } = plan(sql);
  switch (found.kind) {
    case "query":
      return [found];
    case "insert":
      return found.source.kind === "query" ? [found.source.query] : [];
    case "update":
    case "delete":
      return [found.find];
  }
}

function assertScoped(query: QueryPlan): void {
  for (const use of query.relations) {
    const kind: RelationUse["kind"] =
      use.kind === "systemView" ? "systemView" : use.schema.kind === "shared" ? "sharedTable" : "userTable";
    expect(use.kind).toBe(kind);
    if (use.kind === "userTable") expect(query.slots[use.scopeSlot]?.kind).toBe("user");
  }
}

for (const [why, sql] of USER_STATEMENTS) {
  test(`TB-03 a USER table is reached only through its reader's slot: ${why}`, () => {
    for (const query of queriesOf(sql)) {
      expect(query.relations.some((use) => use.kind === "userTable")).toBe(true);
      assertScoped(query);
      const text = query.sql.filter((piece) => typeof piece === "string").join("");
      // What is between the holes: generated names, keywords and functions. No table of the database can be named by it.
      const words = new Set(text.match(/(?<![\w.])[a-z_]\w*/gi));
      for (const name of [
        "notes",
        "clicks",
        "items",
        "orders",
        "hot",
        "sqlite_master",
        "sqlite_schema",
        "pragma",
        "_user",
      ]) {
        expect(words.has(name)).toBe(false);
      }
      expect(text).not.toMatch(/\bt\d+\b|_user/i);
    }
  });
}

test("TB-03 each reader sees their own rows", () => {
  const sql = "select body from notes union select body from (select body from notes) s order by 1";
  expect(answer(db, sql, { user: "ann" })).toEqual(["ann one", "ann two"]);
  expect(answer(db, sql, { user: "bob" })).toEqual(["bob one"]);
  expect(answer(db, sql, { user: "eve" })).toEqual([]);
});

test("TB-03 text of a user appears nowhere in the SQLite text, lifted or not", () => {
  const sql = `select name as "x; drop table y" from items as "a""b" where name = 'it''s $1 -- ;' and name <> $$in dollars$$`;
  for (const lifted of [true, false]) {
    const text = sqlText(queryOf(sql, lifted));
    for (const part of ["drop", 'a"b', "it's", "it''s", "dollars", "--"]) expect(text).not.toContain(part);
  }
});

test("TB-06 tombstones are read only by a filter on _deleted", () => {
  const deleted = (sql: string): readonly boolean[] =>
    queryOf(sql).relations.map((use) => use.kind !== "systemView" && use.includeDeleted);
  expect(deleted("select id, _deleted from notes")).toEqual([false]);
  expect(deleted("select * from notes")).toEqual([false]);
  expect(deleted("select id from notes where _deleted = true")).toEqual([true]);
  expect(deleted("select a.id from notes a join notes b on b._deleted")).toEqual([false, true]);
  expect(answer(db, "select id from notes where _deleted")).toEqual(["n0"]);
  expect(answer(db, "select count(*) from notes")).toEqual(["2"]);
});

test("TB-06 * is the columns in creation order, then _seq and _deleted, with their flags", () => {
  const { output } = queryOf("select * from items");
  expect(output.map((column) => column.name)).toEqual([
    ...items.columns.map((column) => String(column.name)),
    "_seq",
    "_deleted",
  ]);
  expect(output[0]).toMatchObject({ name: "id", flags: ["pk", "nn", "uq"] });
  expect(output[1]).toMatchObject({ name: "name", flags: [] });
  expect(output.at(-2)).toMatchObject({ name: "_seq", type: { kind: "bigint" }, flags: ["nn"] });
  expect(output.at(-1)).toMatchObject({ name: "_deleted", type: { kind: "boolean" }, flags: ["nn"] });
});

test("TB-06 an outer join takes the flags of columns it may fill with NULL", () => {
  const { output } = queryOf("select i.id, o.id from items i left join orders o on o.item_id = i.id");
  expect(output.map((column) => column.flags)).toEqual([["pk", "nn", "uq"], []]);
});

const NAMES: readonly (readonly [sql: string, names: string])[] = [
  ["select 1, 'a', null, true, -5", "?column?|?column?|?column?|?column?|?column?"],
  ["select id, name as n, items.qty from items", "id|n|qty"],
  ["select count(*), sum(qty), upper(max(name)) from items", "count|sum|upper"],
  ["select case when true then 1 end, case when true then 1 else id end from items", "case|id"],
  ["select coalesce(1, 2), nullif(1, 2), greatest(1, 2), least(1, 2)", "coalesce|nullif|greatest|least"],
  ["select id::text, 1::int, 'x'::text, (id + 1)::int, date '2024-01-01' from items", "id|int4|text|int4|date"],
  ["select id + 1, not active, id = 1, -id from items", "?column?|?column?|?column?|?column?"],
  [
    "select exists (select 1), (select max(id) from items), (select 1), (select id as k from items limit 1)",
    "exists|max|?column?|k",
  ],
  ["select current_date, current_timestamp, current_user, now()", "current_date|current_timestamp|current_user|now"],
  ["select extract(year from made), trim(name), position('a' in name) from items", "extract|btrim|position"],
  ["values (1, 2)", "column1|column2"],
  ["select 1 as one union select 2 as two", "one"],
];

test.each(NAMES)("TB-06 outputs are named as PostgreSQL names them: %s", (sql, names) => {
  expect(
    queryOf(sql)
      .output.map((column) => column.name)
      .join("|"),
  ).toBe(names);
});

test("TB-04 64-bit outputs leave SQLite as text, exact", () => {
  const { plan: query, literals } = plan("select 9007199254740993, max(id), count(*), now() from items");
  if (query.kind !== "query") throw new Error("not a query");
  const values = slotsToSqlite(query.slots, slotCells(query.slots, literals));
  const [row] = db.prepare(sqlText(query)).values(...values) as unknown[][];
  expect(query.output.map(({ type }) => TYPES[type.kind].wide)).toEqual([true, true, true, true]);
  expect(row).toEqual(["9007199254740993", "5", "5", "1717243200000000"]);
});

const TYPED: readonly (readonly [sql: string, kinds: string])[] = [
  ["select 1", "bigint"],
  ["select 99999999999", "bigint"],
  ["select 1 + 1", "int"],
  ["select 'a', null, $1", "text text text"],
  ["select count(*), sum(qty), avg(qty) from items", "bigint bigint double"],
  ["select sum(price), min(price) from items", "decimal decimal"],
  ["select qty + small, qty + id, qty + weight from items", "int bigint double"],
  ["select made - interval '1 day', day from items", "timestamp date"],
  ["select 1 union select 2", "bigint"],
  ["select now(), current_user", "datetime text"],
];

test.each(TYPED)("TB-04 output types: %s", (sql, kinds) => {
  expect(
    queryOf(sql)
      .output.map((column) => column.type.kind)
      .join(" "),
  ).toBe(kinds);
});

const STRATEGIES: readonly (readonly [why: string, sql: string, keys: number | "scan"])[] = [
  ["key equals a literal", "select * from items where id = 3", 1],
  ["either way round", "select * from items where 3 = id", 1],
  ["among other conditions", "select * from items where qty > 1 and (id = 3) and active", 1],
  ["key equals a parameter", "select * from items where id = $1", 1],
  ["a short list of keys", "select * from items where id in (1, 2, $1)", 3],
  [
    "thirty-three keys are too many",
    `select * from items where id in (${Array.from({ length: 33 }, (_, i) => i).join(", ")})`,
    "scan",
  ],
  ["text key of a USER table", "select * from notes where id = 'n1'", 1],
  ["with ORDER BY and LIMIT", "select * from items where id in (1, 2) order by name limit 1", 2],
  ["under OR anything may match", "select * from items where id = 3 or qty = 1", "scan"],
  ["negated list", "select * from items where id not in (1)", "scan"],
  ["another column", "select * from items where qty = 3", "scan"],
  ["an expression of the key", "select * from items where id + 0 = 3", "scan"],
  ["key against a column", "select * from items where id = qty", "scan"],
  ["a fraction compares as decimal", "select * from items where id = 1.5", "scan"],
  ["aggregate", "select count(*) from items where id = 3", "scan"],
  ["join", "select i.id from items i join orders o on true where i.id = 3", "scan"],
  ["sub-query", "select id, (select 1) from items where id = 3", "scan"],
  ["union", "select id from items where id = 3 union select 1", "scan"],
  ["regular expression, whose time has no bound", "select * from items where id = 3 and name ~ 'a'", "scan"],
  ["system view", "select * from system.jobs where job_id = 'x'", "scan"],
  ["UPDATE by key", "update items set name = 'x' where id = 3", 1],
  ["DELETE by key", "delete from items where id = 3", 1],
  ["DELETE by anything else", "delete from items where name = 'x'", "scan"],
];

test.each(STRATEGIES)("ST-05 strategy: %s", (_why, sql, keys) => {
  const [query] = queriesOf(sql);
  expect(query?.strategy.kind === "point" ? query.strategy.keys.length : query?.strategy.kind).toBe(keys);
});

test("TB-06 rows of one table come in key order unless asked otherwise", () => {
  expect(answer(db, "select name from items")).toEqual(["apple", "pear", "fig", "Apple", "~"]);
  expect(sqlText(queryOf("select name from items limit 2"))).toContain("ORDER BY");
  expect(sqlText(queryOf("select name from items where id = 1"))).not.toContain("ORDER BY");
  expect(sqlText(queryOf("select count(*) from items"))).not.toContain("ORDER BY");
  expect(sqlText(queryOf("select o.id from items i join orders o on true"))).not.toContain("ORDER BY");
});

test("TB-07 a parameter takes the type its context asks for", () => {
  expect(answer(db, "select id from items where made > $1 and qty = $2", { params: ["2023-01-01", "10"] })).toEqual([
    "1",
    "4",
  ]);
  expect(answer(db, "select $1 || 'x', $2::int + 1, coalesce($3, 7)", { params: ["a", 1n, null] })).toEqual(["ax|2|7"]);
  expect(answer(db, "select id from items where id = $1 or id = $1 + 1 order by id", { params: [1] })).toEqual([
    "1",
    "2",
  ]);
  expect(answer(db, "select id from items order by id limit $1 offset $2", { params: [2, 1] })).toEqual(["2", "3"]);
  expect(answer(db, "select id from items where price = $1", { params: ["2.25"] })).toEqual(["2"]);
});

const BAD_PARAMETERS: readonly (readonly [
  why: string,
  sql: string,
  params: readonly (string | number | boolean)[],
  message: string,
])[] = [
  ["too few", "select $1, $2", ["a"], "Expected 2 parameters, got 1"],
  [
    "not a number",
    "select id from items where qty = $1",
    ["ten"],
    'Parameter $1 expects INT: invalid input syntax for type integer: "ten"',
  ],
  [
    "a fraction would round",
    "select id from items where qty > $1",
    [2.5],
    "Parameter $1 expects INT: 2.5 is not a whole number",
  ],
  [
    "out of range",
    "select id from items where qty = $1",
    [3e9],
    "Parameter $1 expects INT: value 3000000000 is out of range for type integer",
  ],
  ["negative LIMIT", "select id from items limit $1", [-1], "LIMIT must not be negative"],
  [
    "not a timestamp",
    "select id from items where made > $1",
    ["soon"],
    'Parameter $1 expects TIMESTAMP: invalid input syntax for type timestamp: "soon"',
  ],
  [
    "for a column",
    "insert into items (id, qty) values (1, $1)",
    ["x"],
    "Parameter $1: Column 'qty' expects INT: invalid input syntax for type integer: \"x\"",
  ],
];

test.each(BAD_PARAMETERS)("TB-07 a bad parameter is refused: %s", (_why, sql, params, message) => {
  const { plan: found, literals } = plan(sql);
  const query = found.kind === "query" ? found : { ...queryOf("select 1"), slots: found.slots };
  expect(refusal(() => runQuery(db, { query, literals, options: { params } }))).toMatchObject({ message });
});

test("TB-07 the number of parameters a statement names is known", () => {
  expect(plan("select $2::int, $1::text").parameterCount).toBe(2);
  expect(plan("insert into orders (id, note) select $1::int, $3::text").parameterCount).toBe(3);
  expect(plan("select 1").parameterCount).toBe(0);
});

test("TB-03 system views are read like tables and never written", () => {
  expect(answer(db, "select job_id, started_at from system.jobs order by started_at")).toEqual([
    "job-1|2023-11-14 22:13:20",
    "job-2|~",
  ]);
  for (const [sql, verb] of [
    ["insert into system.jobs (job_id) values ('x')", "insert"],
    ["update system.jobs set job_id = 'x' where true", "update"],
    ["delete from system.jobs where true", "delete"],
  ]) {
    expect(refusal(() => plan(sql ?? ""))).toMatchObject({ message: `Cannot ${verb} system table 'system.jobs'` });
  }
});

test("LQ-09 every read of a live query is scoped", () => {
  for (const sql of ["select * from notes", "select body from notes where score > 1", "select * from orders"]) {
    const { plan: found } = live(sql);
    for (const query of [found.snapshot, found.lastRows, found.lastRowsStart, found.history]) assertScoped(query);
  }
  expect([notes.kind, orders.kind]).toEqual(["user", "shared"]);
});
