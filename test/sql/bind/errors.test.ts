// What is refused, in PostgreSQL's words and with the place in the text.
import { afterAll, expect, test } from "bun:test";
import { answer, openDatabase, plan, refusal } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** `position` counts UTF-16 units from the statement's start; undefined where the error has no place. */
const REFUSED: readonly (readonly [why: string, sql: string, message: string, position: number | undefined])[] = [
  ["unknown column", "select nam from items", 'column "nam" does not exist', 7],
  ["unknown column with qualifier", "select i.nam from items i", "column i.nam does not exist", 7],
  ["unknown table", "select 1 from itemz", 'relation "itemz" does not exist', 14],
  ["unknown table in namespace", "select 1 from app.nope", 'relation "app.nope" does not exist', 14],
  ["unknown alias", "select x.id from items i", 'missing FROM-clause entry for table "x"', 7],
  ["original name hidden by alias", "select items.id from items i", 'missing FROM-clause entry for table "items"', 7],
  ["ambiguous column", "select id from items, orders", 'column reference "id" is ambiguous', 7],
  ["no operator text + integer", "select name + 1 from items", "operator does not exist: text + integer", 12],
  ["no operator for boolean", "select active > 5 from items", "operator does not exist: boolean > integer", 14],
  ["text = integer", "select id from items where name = 5", "operator does not exist: text = integer", 32],
  ["uuid = text column", "select id from items where ref = name", "operator does not exist: uuid = text", 31],
  ["unknown function", "select lowr(name) from items", "function lowr(text) does not exist", 7],
  ["function with wrong types", "select lower(5)", "function lower(integer) does not exist", 7],
  [
    "WHERE is not boolean",
    "select id from items where qty",
    "argument of WHERE must be type boolean, not type integer",
    27,
  ],
  ["AND of non-boolean", "select 1 where 1 and true", "argument of AND must be type boolean, not type integer", 15],
  ["aggregate in WHERE", "select id from items where count(*) > 1", "aggregate functions are not allowed in WHERE", 27],
  ["nested aggregate", "select sum(count(*)) from items", "aggregate function calls cannot be nested", 11],
  [
    "aggregate in GROUP BY",
    "select count(*) from items group by count(*)",
    "aggregate functions are not allowed in GROUP BY",
    36,
  ],
  [
    "ungrouped column",
    "select name, count(*) from items",
    'column "items.name" must appear in the GROUP BY clause or be used in an aggregate function',
    7,
  ],
  [
    "ungrouped column in an expression",
    "select qty, upper(name) from items group by qty",
    'column "items.name" must appear in the GROUP BY clause or be used in an aggregate function',
    18,
  ],
  [
    "ungrouped in HAVING",
    "select qty from items group by qty having name = 'a'",
    'column "items.name" must appear in the GROUP BY clause or be used in an aggregate function',
    42,
  ],
  [
    "ungrouped in ORDER BY",
    "select qty from items group by qty order by name",
    'column "items.name" must appear in the GROUP BY clause or be used in an aggregate function',
    44,
  ],
  [
    "correlated sub-query over an ungrouped column",
    "select qty, (select max(id) from orders o where o.item_id = i.id) from items i group by qty",
    'column "i.id" must appear in the GROUP BY clause or be used in an aggregate function',
    60,
  ],
  [
    "window in WHERE",
    "select id from items where row_number() over () = 1",
    "window functions are not allowed in WHERE",
    27,
  ],
  [
    "window function without OVER",
    "select row_number() from items",
    "window function row_number requires an OVER clause",
    7,
  ],
  ["unknown window", "select sum(qty) over w from items", 'window "w" does not exist', 21],
  [
    "ORDER BY position out of range",
    "select id from items order by 2",
    "ORDER BY position 2 is not in select list",
    30,
  ],
  [
    "GROUP BY position out of range",
    "select id from items group by 7",
    "GROUP BY position 7 is not in select list",
    30,
  ],
  ["ORDER BY non-integer constant", "select id from items order by 'x'", "non-integer constant in ORDER BY", 30],
  [
    "DISTINCT with hidden ORDER BY",
    "select distinct name from items order by qty",
    "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
    41,
  ],
  ["UNION column counts", "select 1 union select 1, 2", "each UNION query must have the same number of columns", 22],
  ["UNION types", "select 1 union select 'a'::text", "UNION types integer and text cannot be matched", 25],
  [
    "UNION ORDER BY expression",
    "select id from items union select id from orders order by id + 1",
    "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
    61,
  ],
  ["bad integer literal", "select id from items where qty = 'ten'", 'invalid input syntax for type integer: "ten"', 33],
  [
    "bad timestamp literal",
    "select id from items where made > 'yesterdayish'",
    'invalid input syntax for type timestamp: "yesterdayish"',
    34,
  ],
  [
    "bad boolean literal",
    "select id from items where active = 'perhaps'",
    'invalid input syntax for type boolean: "perhaps"',
    36,
  ],
  ["bad uuid literal", "select id from items where ref = 'xyz'", 'invalid input syntax for type uuid: "xyz"', 33],
  [
    "literal out of range",
    "select id from items where small = '70000'",
    'value "70000" is out of range for type smallint',
    35,
  ],
  ["cast that does not exist", "select true::timestamp", "cannot cast type boolean to timestamp without time zone", 7],
  ["unknown type", "select 1::nosuch", 'type "nosuch" does not exist', 10],
  ["sub-query with two columns", "select (select 1, 2)", "subquery must return only one column", 7],
  ["IN with too many columns", "select 1 in (select 1, 2)", "subquery has too many columns", 9],
  ["duplicate alias", "select 1 from items a, orders a", 'table name "a" specified more than once', undefined],
  [
    "duplicate CTE",
    "with c as (select 1), c as (select 2) select 1",
    'WITH query name "c" specified more than once',
    22,
  ],
  ["VALUES of different lengths", "values (1), (1, 2)", "VALUES lists must all be the same length", 13],
  [
    "CASE types",
    "select case when true then 1 else 'x'::text end",
    "CASE types integer and text cannot be matched",
    27,
  ],
  ["COALESCE types", "select coalesce(1, true)", "COALESCE types integer and boolean cannot be matched", 16],
  ["unequal rows", "select (1, 2) = (1, 2, 3)", "unequal number of entries in row expressions", 14],
  [
    "USING an unknown column",
    "select 1 from items join orders using (nope)",
    'column "nope" specified in USING clause does not exist in left table',
    undefined,
  ],
  ["DEFAULT in SELECT values", "values (default)", "DEFAULT is not allowed in this context", 8],
  ["negative LIMIT", "select id from items limit -1", "LIMIT must not be negative", 28],
  ["division by zero", "select id / 0 from items", "division by zero", undefined],
  ["division by zero in a constant", "select 1 / 0", "division by zero", undefined],
  ["modulo by zero", "select 1 % 0", "division by zero", undefined],
  [
    "two rows from a scalar sub-query",
    "select (select id from items)",
    "more than one row returned by a subquery used as an expression",
    undefined,
  ],
  ["integer overflow", "select 2147483647 + 1", "integer out of range", undefined],
  ["bigint overflow", "select 9223372036854775807 + 1", "bigint out of range", undefined],
  ["name after non-ASCII text", "select 'ünï 😀', nam from items", 'column "nam" does not exist', 17],
  [
    "recursive type change",
    "with recursive c(n) as (select 1 union all select n + 1.5 from c) select * from c",
    'recursive query "c" column 1 has type integer in non-recursive term but type numeric overall',
    15,
  ],
  ["sum of text", "select sum(name) from items", "function sum(text) does not exist", 7],
  [
    "FILTER with an aggregate",
    "select count(*) filter (where count(*) > 1) from items",
    "aggregate functions are not allowed in FILTER",
    30,
  ],
  [
    "window nested",
    "select sum(row_number() over ()) over () from items",
    "window function calls cannot be nested",
    11,
  ],
  [
    "too many column aliases",
    "select 1 from (select 1) s(a, b)",
    'table "s" has 1 columns available but 2 columns specified',
    undefined,
  ],
  ["select star without from", "select *", "SELECT * with no tables specified is not valid", 7],
  ["star of unknown table", "select z.* from items", 'missing FROM-clause entry for table "z"', 7],
];

for (const [why, sql, message, position] of REFUSED) {
  test(`TB-12 ${why} is refused`, () => {
    expect(refusal(() => answer(db, sql))).toMatchObject({ message, position });
  });
}

test("TB-12 a window's numbers are checked while it runs", () => {
  for (const call of ["ntile(0) over ()", "nth_value(id, 0) over ()", "count(*) over (rows -1 preceding)"]) {
    const run = (): unknown => answer(db, `select ${call} from items`);
    expect(run).toThrow(/must be a (non-negative|positive) integer/);
  }
  expect(refusal(() => plan("select count(*) over (order by id rows qty preceding) from items"))).toMatchObject({
    message: "argument of ROWS must not contain variables",
    position: 39,
  });
});

test("TB-12 a column that is nearly right is suggested", () => {
  expect(() => plan("select nam from items")).toThrow(expect.objectContaining({ hint: 'Perhaps you meant "name".' }));
});

test("TB-12 an expression too deep for the stack is refused, not a crash", () => {
  const deep = `select ${"(".repeat(200)}1${" + 1)".repeat(200)}`;
  expect(answer(db, deep)).toEqual(["201"]);
  expect(() => plan(`select ${Array.from({ length: 450 }, () => "1").join(" + ")}`)).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED" }),
  );
});

test("TB-12 a thousand conjuncts stay within SQLite's expression depth", () => {
  const where = Array.from({ length: 1000 }, (_, index) => `id < ${index + 10}`).join(" and ");
  expect(answer(db, `select id from items where ${where}`)).toEqual(["1", "2", "3", "4", "5"]);
});

/** Constructs that PostgreSQL has and this server names when it refuses them. */
const UNSUPPORTED: readonly (readonly [sql: string, named: string])[] = [
  ["select id from items for update", "FOR UPDATE and FOR SHARE is not supported"],
  ["select array[array[1, 2]]", "an array of arrays is not supported"],
  ["select array_agg(array[id]) from items", "an array of BIGINT[] is not supported"],
  [
    "select count(*), generate_series(1, 2)",
    "a function that returns rows beside aggregates and window functions is not supported",
  ],
  ["select qty from items group by rollup (qty)", "GROUPING SETS, ROLLUP and CUBE is not supported"],
  ["select id from items order by id fetch first 1 row with ties", "FETCH … WITH TIES is not supported"],
  ["select id from items tablesample system (10)", "TABLESAMPLE is not supported"],
  ["select time '10:00' at time zone 'cet' from items", "AT TIME ZONE of a time of day is not supported"],
  ["select b'101'", "a bit string is not supported"],
  ["select distinct interval '1 day'", "DISTINCT of intervals is not supported"],
  ['select name collate "de_DE" from items', 'collation "de_DE" is not supported'],
  [
    "with d as (delete from orders where id = 1 returning id) select * from d",
    "a statement that changes data inside WITH is not supported",
  ],
  ["select string_agg(distinct name, name) from items", "string_agg with DISTINCT is not supported"],
];

test.each(UNSUPPORTED)("TB-12 %s names what is missing", (sql, message) => {
  expect(refusal(() => answer(db, sql))).toMatchObject({ code: "UNSUPPORTED", message });
});
