// INSERT, UPDATE and DELETE as plans: values, find queries, conflicts, RETURNING.
import { afterAll, expect, test } from "bun:test";
import type { Cell } from "../../../src/model/sql-type.ts";
import type { DeletePlan, InsertPlan, UpdatePlan } from "../../../src/sql/plan.ts";
import { openDatabase, plan, type RunOptions, refusal, runQuery, slotCells, textRows } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

function insert(sql: string): {
  readonly plan: InsertPlan;
  readonly rows: (options?: RunOptions) => (Cell | undefined)[][];
} {
  const { plan: found, literals } = plan(sql);
  if (found.kind !== "insert") throw new Error(`${sql} is a ${found.kind}`);
  const rows = (options: RunOptions = {}): (Cell | undefined)[][] => {
    const slots = slotCells(found.slots, literals, options);
    if (found.source.kind === "query") return runQuery(db, { query: found.source.query, literals, options });
    return found.source.rows.map((row) => row.map((value) => value?.([], slots)));
  };
  return { plan: found, rows };
}

function modify(sql: string): { readonly plan: UpdatePlan | DeletePlan; readonly found: string[] } {
  const { plan: made, literals } = plan(sql);
  if (made.kind !== "update" && made.kind !== "delete") throw new Error(`${sql} is a ${made.kind}`);
  const rows = runQuery(db, { query: made.find, literals });
  return { plan: made, found: textRows(made.find.output, rows).map((row) => row.map((cell) => cell ?? "~").join("|")) };
}

const INSERTED: readonly (readonly [
  why: string,
  sql: string,
  columns: readonly number[],
  rows: readonly (readonly (Cell | undefined)[])[],
])[] = [
  ["all columns in order", "insert into orders values (1, 2, 3, 'x')", [0, 1, 2, 3], [[1n, 2n, 3, "x"]]],
  ["fewer values than columns", "insert into orders values (1, 2)", [0, 1], [[1n, 2n]]],
  ["named columns in their own order", "insert into orders (note, id) values ('x', 7)", [3, 0], [["x", 7n]]],
  ["several rows", "insert into orders (id) values (1), (2)", [0], [[1n], [2n]]],
  ["DEFAULT is left to the engine", "insert into orders (id, note) values (1, default)", [0, 3], [[1n, undefined]]],
  ["DEFAULT VALUES", "insert into notes default values", [], [[]]],
  ["expressions", "insert into orders (id, amount) values (1 + 1, 7 / 2)", [0, 2], [[2n, 3]]],
  ["a fraction rounds into an integer", "insert into orders (id, amount) values (1, 2.5)", [0, 2], [[1n, 3]]],
  ["negative numbers", "insert into orders (id, amount) values (-1, -9)", [0, 2], [[-1n, -9]]],
  [
    "text is read as the column's type",
    "insert into items (id, made, active, price) values ('5', '2024-01-01', 'yes', '1.5')",
    [0, 7, 6, 4],
    [[5n, 1_704_067_200_000_000n, true, 150n]],
  ],
  ["a number becomes text", "insert into orders (id, note) values (1, 5)", [0, 3], [[1n, "5"]]],
  ["NULL", "insert into orders (id, note) values (1, null)", [0, 3], [[1n, null]]],
  ["session values", "insert into orders (id, note) values (1, current_user)", [0, 3], [[1n, "ann"]]],
  [
    "from a query",
    "insert into orders (id, note) select id, name from items where id < 3",
    [0, 3],
    [
      [1n, "apple"],
      [2n, "pear"],
    ],
  ],
  ["from a query, cast to the columns", "insert into orders (id, amount) select 9, 1.5", [0, 2], [[9n, 2]]],
  [
    "from * without system columns",
    "insert into orders select * from orders where id = 100",
    [0, 1, 2, 3],
    [[100n, 1n, 3, "first"]],
  ],
  ["WITH before INSERT", "with s as (select 1 as k) insert into orders (id) select k from s", [0], [[1n]]],
  [
    "a sub-query among values",
    "insert into orders (id, note) values (1, (select name from items where id = 3))",
    [0, 3],
    [[1n, "fig"]],
  ],
  ["VALUES in order", "insert into orders (id) values (2), (1) order by 1 limit 1", [0], [[1n]]],
];

test.each(INSERTED)("TB-06 INSERT: %s", (_why, sql, columns, rows) => {
  const made = insert(sql);
  expect(made.plan.columns).toEqual([...columns]);
  expect(made.rows()).toEqual(rows.map((row) => [...row]));
});

test("TB-07 an INSERT's parameters take the types of its columns", () => {
  const made = insert("insert into items (id, made, price) values ($1, $2, $3)");
  expect(made.rows({ params: [1, "2024-01-01", "2.5"] })).toEqual([[1n, 1_704_067_200_000_000n, 250n]]);
});

test("TB-08 ON CONFLICT DO UPDATE sees the existing row, then the excluded one", () => {
  const { plan: made } = insert(
    "insert into orders as o (id, amount) values (1, 5) on conflict (id) do update set amount = o.amount + excluded.amount, note = 'again' where o.amount < 10",
  );
  if (made.onConflict?.kind !== "update") throw new Error("no update");
  const slots = slotCells(
    made.slots,
    plan(
      "insert into orders as o (id, amount) values (1, 5) on conflict (id) do update set amount = o.amount + excluded.amount, note = 'again' where o.amount < 10",
    ).literals,
  );
  const row = [1n, null, 7, "old", 1000n, false, 1n, null, 5, null, null, false];
  expect(made.onConflict.assignments.map(({ column, value }) => [column, value(row, slots)])).toEqual([
    [2, 12],
    [3, "again"],
  ]);
  expect(made.onConflict.where?.(row, slots)).toBe(true);
  expect(made.onConflict.where?.(row.with(2, 10), slots)).toBe(false);
});

test("TB-08 ON CONFLICT DO NOTHING, and an assignment that keeps the key", () => {
  expect(insert("insert into orders (id) values (1) on conflict do nothing").plan.onConflict).toEqual({
    kind: "nothing",
  });
  expect(insert("insert into orders (id) values (1) on conflict (id) do nothing").plan.onConflict).toEqual({
    kind: "nothing",
  });
  const { onConflict } = insert(
    "insert into orders (id) values (1) on conflict (id) do update set id = excluded.id, note = default",
  ).plan;
  expect(onConflict?.kind === "update" ? onConflict.assignments.map(({ column }) => column) : []).toEqual([3]);
});

test("TB-08 RETURNING evaluates over the new row", () => {
  const { plan: made } = insert("insert into orders (id) values (1) returning *, amount + 1 as next, upper(note)");
  const row = [1n, null, 7, "old", 1000n, false];
  expect(made.returning?.output.map((column) => column.name)).toEqual([
    "id",
    "item_id",
    "amount",
    "note",
    "_seq",
    "_deleted",
    "next",
    "upper",
  ]);
  const slots = slotCells(
    made.slots,
    plan("insert into orders (id) values (1) returning *, amount + 1 as next, upper(note)").literals,
  );
  expect(made.returning?.values.map((value) => value(row, slots))).toEqual([...row, 8, "OLD"]);
});

test("TB-06 UPDATE finds rows with their version and the new values", () => {
  const { plan: made, found } = modify(
    "update orders set amount = amount * 2, note = note || '!' where amount > 3 returning id",
  );
  expect(found).toEqual(["1001|101|1|4|~|8|~", "1003|103|9|7|50%|14|50%!"]);
  expect(made.kind === "update" ? made.assigned : []).toEqual([2, 3]);
  expect(made.returning?.output.map((column) => column.name)).toEqual(["id"]);
});

const MODIFIED: readonly (readonly [why: string, sql: string, found: readonly string[]])[] = [
  ["alias", "update orders as o set amount = o.amount where o.id = 100", ["1000|100|1|3|first|3"]],
  ["value cast to the column", "update orders set amount = 2.5 where id = 100", ["1000|100|1|3|first|3"]],
  ["DEFAULT that is a literal", "update orders set note = default where id = 100", ["1000|100|1|3|first|none"]],
  ["several columns at once", "update orders set (amount, note) = (1, 'x') where id = 100", ["1000|100|1|3|first|1|x"]],
  [
    "sub-query as value",
    "update orders set note = (select max(name) from items) where id = 100",
    ["1000|100|1|3|first|pear"],
  ],
  [
    "correlated sub-query",
    "update orders set note = (select name from items i where i.id = orders.item_id) where id = 102",
    ["1002|102|2|1|x_y|pear"],
  ],
  [
    "WITH before UPDATE",
    "with big as (select 100 as k) update orders set amount = 0 where id in (select k from big)",
    ["1000|100|1|3|first|0"],
  ],
  ["DELETE", "delete from orders where item_id = 1", ["1000|100|1|3|first", "1001|101|1|4|~"]],
  ["DELETE with a sub-query", "delete from orders where item_id not in (select id from items)", ["1003|103|9|7|50%"]],
  ["own rows of a USER table only", "delete from notes where true", ["1000|n1|ann one|1|~", "1001|n2|ann two|2|~"]],
  [
    "a tombstone is no row to change",
    "delete from notes where _deleted or not _deleted",
    ["1000|n1|ann one|1|~", "1001|n2|ann two|2|~"],
  ],
];

test.each(MODIFIED)("TB-06 UPDATE and DELETE: %s", (_why, sql, found) => {
  expect(modify(sql).found).toEqual([...found]);
});

test("TB-07 RETURNING's slots follow those of the find query", () => {
  const { plan: made } = modify("update orders set note = 'x' where id = 100 returning note || '?'");
  expect(made.slots.slice(0, made.find.slots.length)).toEqual([...made.find.slots]);
  expect(made.slots.length).toBe(made.find.slots.length + 1);
});

const REFUSED: readonly (readonly [why: string, sql: string, message: string, position: number | undefined])[] = [
  [
    "unknown column",
    "insert into orders (id, amont) values (1, 2)",
    'column "amont" of relation "orders" does not exist',
    24,
  ],
  ["column twice", "insert into orders (id, id) values (1, 2)", 'column "id" specified more than once', 24],
  ["system column", "insert into orders (_seq) values (1)", 'cannot assign to system column "_seq"', 20],
  ["too many values", "insert into orders (id) values (1, 2)", "INSERT has more expressions than target columns", 32],
  ["too few values", "insert into orders (id, note) values (1)", "INSERT has more target columns than expressions", 38],
  [
    "too many without a list",
    "insert into orders values (1, 2, 3, 4, 5)",
    "INSERT has more expressions than target columns",
    27,
  ],
  ["uneven rows", "insert into orders (id, note) values (1, 'a'), (2)", "VALUES lists must all be the same length", 48],
  [
    "wrong type",
    "insert into orders (id, amount) values (1, true)",
    'column "amount" is of type integer but expression is of type boolean',
    43,
  ],
  [
    "text expression into an integer",
    "insert into orders (id, amount) values (1, upper('5'))",
    'column "amount" is of type integer but expression is of type text',
    43,
  ],
  ["a column in VALUES", "insert into orders (id) values (amount)", 'column "amount" does not exist', 32],
  [
    "an aggregate in VALUES",
    "insert into orders (id) values (count(*))",
    "aggregate functions are not allowed in VALUES",
    32,
  ],
  [
    "arbiter is not the key",
    "insert into orders (id) values (1) on conflict (note) do nothing",
    "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    47,
  ],
  [
    "DO UPDATE without arbiter",
    "insert into orders (id) values (1) on conflict do update set note = 'x'",
    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
    35,
  ],
  [
    "ambiguous in DO UPDATE",
    "insert into orders (id) values (1) on conflict (id) do update set amount = amount + 1",
    'column reference "amount" is ambiguous',
    75,
  ],
  [
    "key in DO UPDATE",
    "insert into orders (id) values (1) on conflict (id) do update set id = 5",
    "UPDATE cannot modify primary key column 'id'",
    66,
  ],
  ["UPDATE without WHERE", "update orders set note = 'x'", "UPDATE requires a WHERE clause", undefined],
  ["DELETE without WHERE", "delete from orders", "DELETE requires a WHERE clause", undefined],
  ["key assigned", "update orders set id = 5 where id = 1", "UPDATE cannot modify primary key column 'id'", 18],
  [
    "column assigned twice",
    "update orders set note = 'a', note = 'b' where id = 1",
    'multiple assignments to same column "note"',
    30,
  ],
  [
    "aggregate in SET",
    "update orders set amount = max(amount) where id = 1",
    "aggregate functions are not allowed in UPDATE",
    27,
  ],
  ["stream", "update clicks set body = 'x' where id = 'k1'", "UPDATE not supported for STREAM tables", 7],
  ["unknown table", "delete from nope where id = 1", 'relation "nope" does not exist', 12],
  [
    "sub-query in RETURNING",
    "delete from orders where id = 1 returning (select 1)",
    "a sub-query in RETURNING ?column? is not supported",
    undefined,
  ],
  [
    "function without a bound in RETURNING",
    "delete from orders where id = 1 returning lpad(note, 5)",
    "the function lpad in RETURNING lpad, since its time has no bound and a write cannot be interrupted, is not supported",
    42,
  ],
  [
    "regular expression in RETURNING",
    "update orders set note = 'x' where id = 1 returning id, not note !~ 'a' as found",
    "the operator ~ in RETURNING found, since its time has no bound and a write cannot be interrupted, is not supported",
    65,
  ],
  [
    "function without a bound in ON CONFLICT",
    "insert into orders (id) values (1) on conflict (id) do update set note = 'a' || repeat('x', 3)",
    "the function repeat in ON CONFLICT DO UPDATE, since its time has no bound and a write cannot be interrupted, is not supported",
    80,
  ],
  [
    "syntax with a pattern in ON CONFLICT",
    "insert into orders (id) values (1) on conflict (id) do update set amount = 1 where orders.note similar to 'a+'",
    "SIMILAR TO in ON CONFLICT DO UPDATE, since its time has no bound and a write cannot be interrupted, is not supported",
    95,
  ],
  [
    "sub-query in ON CONFLICT",
    "insert into orders (id) values (1) on conflict (id) do update set note = (select max(note) from orders)",
    "a sub-query in ON CONFLICT DO UPDATE is not supported",
    undefined,
  ],
  [
    "aggregate in RETURNING",
    "delete from orders where id = 1 returning count(*)",
    "aggregate functions are not allowed in RETURNING",
    42,
  ],
];

test.each(REFUSED)("TB-12 a write is refused: %s", (_why, sql, message, position) => {
  expect(refusal(() => plan(sql))).toMatchObject({ message, position });
});

test("TB-04 a bad value names column, expected type, value and place", () => {
  const { plan: made, literals } = plan("insert into items (id, qty) values (1, 'ten')");
  expect(refusal(() => slotCells(made.kind === "insert" ? made.slots : [], literals))).toEqual({
    code: "INVALID_VALUE",
    message: "Column 'qty' expects INT: invalid input syntax for type integer: \"ten\"",
    position: 39,
  });
});
