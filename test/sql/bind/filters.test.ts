// Filters, ORDER BY, LIMIT, and what types literals take beside columns. The answers are PostgreSQL's.
import { afterAll, expect, test } from "bun:test";
import { answer, openDatabase } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** Rows are separated by ` ; `, columns by `|`, NULL is `~`. */
const CASES: readonly (readonly [why: string, sql: string, rows: string])[] = [
  ["WHERE keeps only true", "select id from items where qty > 5 order by id", "1 ; 4"],
  ["WHERE with NULL keeps nothing", "select id from items where null", ""],
  ["NOT of an unknown comparison keeps nothing", "select id from items where not (qty > 5) order by id", "3"],
  ["OR with NULL operand", "select id from items where qty > 5 or name = 'fig' order by id", "1 ; 3 ; 4"],
  ["IS NULL", "select id from items where qty is null order by id", "2 ; 5"],
  ["IS NOT NULL", "select id from items where qty is not null order by id", "1 ; 3 ; 4"],
  ["boolean column as condition", "select id from items where active order by id", "1 ; 4"],
  ["NOT boolean column", "select id from items where not active order by id", "2"],
  ["IS NOT FALSE keeps NULLs", "select id from items where active is not false order by id", "1 ; 3 ; 4 ; 5"],
  ["boolean compared with a literal", "select id from items where active = 'yes' order by id", "1 ; 4"],
  ["NOT IN with NULL column", "select id from items where qty not in (10) order by id", "3"],
  ["text comparison is binary", "select id from items where name < 'a' order by id", "4"],
  ["text order is binary, capitals first", "select name from items order by name", "Apple ; apple ; fig ; pear ; ~"],
  [
    "text order descending has NULL first",
    "select name from items order by name desc",
    "~ ; pear ; fig ; apple ; Apple",
  ],
  ["NULLS FIRST asked for", "select name from items order by name nulls first", "~ ; Apple ; apple ; fig ; pear"],
  [
    "NULLS LAST asked for, descending",
    "select name from items order by name desc nulls last",
    "pear ; fig ; apple ; Apple ; ~",
  ],
  ["ORDER BY position", "select id, qty from items order by 2, 1 desc", "3|5 ; 4|10 ; 1|10 ; 5|~ ; 2|~"],
  ["ORDER BY alias", "select id, -id as minus from items order by minus", "5|-5 ; 4|-4 ; 3|-3 ; 2|-2 ; 1|-1"],
  [
    "ORDER BY alias beats a column of the same name",
    "select id as qty, qty as id from items order by qty",
    "1|10 ; 2|~ ; 3|5 ; 4|10 ; 5|~",
  ],
  ["ORDER BY expression over input", "select id from items order by qty * -1, id", "1 ; 4 ; 3 ; 2 ; 5"],
  [
    "ORDER BY a column that is not selected",
    "select name from items order by id desc",
    "~ ; Apple ; fig ; pear ; apple",
  ],
  ["ORDER BY wide integers sorts as numbers", "select id * 7 as n from items order by n desc", "35 ; 28 ; 21 ; 14 ; 7"],
  [
    "ORDER BY an output that is a constant",
    "select 7 as id, name from items where id < 3 order by id, name desc",
    "7|pear ; 7|apple",
  ],
  ["LIMIT and OFFSET", "select id from items order by id limit 2 offset 1", "2 ; 3"],
  ["LIMIT NULL is no limit", "select id from items order by id limit null", "1 ; 2 ; 3 ; 4 ; 5"],
  ["LIMIT ALL", "select id from items order by id limit all", "1 ; 2 ; 3 ; 4 ; 5"],
  ["LIMIT 0", "select id from items limit 0", ""],
  ["OFFSET alone", "select id from items order by id offset 3", "4 ; 5"],
  ["FETCH FIRST", "select id from items order by id fetch first 2 rows only", "1 ; 2"],
  ["computed LIMIT", "select id from items order by id limit 1 + 1", "1 ; 2"],
  ["DISTINCT", "select distinct qty from items order by qty", "5 ; 10 ; ~"],
  ["DISTINCT counts NULL once", "select distinct active from items order by active", "f ; t ; ~"],
  ["DISTINCT with wide output", "select distinct id / 2 as h from items order by h", "0 ; 1 ; 2"],
  [
    "literal takes the type of a timestamp column",
    "select id from items where made > '2024-01-01' order by id",
    "1 ; 2",
  ],
  ["date literal", "select id from items where day = '2024-02-01'", "2"],
  ["date compared with timestamp", "select id from items where day < made order by id", "1 ; 4"],
  ["decimal column against a float literal", "select id from items where price > 1.5 order by id", "2 ; 4"],
  ["decimal column against an integer", "select id from items where price >= 10 order by id", "4"],
  ["decimal with more digits than the column", "select id from items where price < 2.249 order by id", "1"],
  ["integer column against a decimal literal", "select id from items where qty > 9.5 order by id", "1 ; 4"],
  ["smallint column against an integer", "select id from items where small = -7", "4"],
  [
    "bigint column against a large literal",
    "select id from items where id < 99999999999 order by id",
    "1 ; 2 ; 3 ; 4 ; 5",
  ],
  ["double column against a decimal literal", "select id from items where weight > 0.25 order by id", "1 ; 3"],
  ["uuid literal in capitals", "select id from items where ref = '018F6C1E-0000-7000-8000-000000000001'", "1"],
  ["bigint against a literal string", "select id from items where id = '2'", "2"],
  ["LIKE is case-sensitive", "select id from items where name like 'a%' order by id", "1"],
  ["ILIKE is not", "select id from items where name ilike 'a%' order by id", "1 ; 4"],
  ["NOT LIKE drops NULL", "select id from items where name not like 'a%' order by id", "2 ; 3 ; 4"],
  ["LIKE underscore", "select id from orders where note like 'x_y'", "102"],
  ["LIKE escape", "select id from orders where note like 'x\\_y'", "102"],
  ["LIKE with ESCAPE", "select id from orders where note like '50!%' escape '!'", "103"],
  ["regular expression", "select id from items where name ~ '^[ap]' order by id", "1 ; 2"],
  ["regular expression, negated, any case", "select id from items where name !~* '^a' order by id", "2 ; 3"],
  ["literal after non-ASCII text", "select id from orders where note = 'ünï 😀' and id = 104", "104"],
  ["cast text to int", "select '12'::int + 1", "13"],
  ["cast rounds half to even for doubles", "select 2.5::double precision::int, 3.5::double precision::int", "2|4"],
  ["cast rounds half away for numerics", "select 2.5::int, -2.5::int", "3|-3"],
  ["cast to varchar(n) cuts", "select 'abcdef'::varchar(3)", "abc"],
  ["cast to numeric(p, s)", "select 12.345::numeric(10, 2)", "12.35"],
  ["cast boolean to text", "select true::text, active::text from items where id = 2", "true|false"],
  ["cast boolean to int", "select true::int", "1"],
  ["cast timestamp to date", "select made::date from items where id = 1", "2024-01-01"],
  ["cast date to timestamp", "select day::timestamp from items where id = 1", "2024-01-01 00:00:00"],
  ["CAST spelled out", "select cast('5' as bigint)", "5"],
  ["typed literal", "select date '2024-03-01', timestamp '2024-03-01 12:00'", "2024-03-01|2024-03-01 12:00:00"],
  ["interval added", "select made + interval '1 month 2 days' from items where id = 1", "2024-02-03 10:00:00"],
  ["interval subtracted", "select made - interval '90 minutes' from items where id = 1", "2024-01-01 08:30:00"],
  ["interval first", "select interval '1 day' + made from items where id = 2", "2024-02-02 00:00:00"],
  ["interval with a unit keyword", "select made + interval '3' hour from items where id = 1", "2024-01-01 13:00:00"],
  ["month end is kept within the month", "select timestamp '2024-01-31' + interval '1 month'", "2024-02-29 00:00:00"],
  ["date plus days", "select day + 1, day - 1 from items where id = 1", "2024-01-02|2023-12-31"],
  ["date minus date", "select date '2024-03-01' - date '2024-02-01'", "29"],
  ["date_trunc", "select date_trunc('month', made) from items where id = 1", "2024-01-01 00:00:00"],
  ["extract", "select extract(year from made)::int, extract(month from made)::int from items where id = 2", "2024|2"],
];

for (const [why, sql, rows] of CASES) {
  test(`TB-04 TB-06 ${why}`, () => {
    expect(answer(db, sql).join(" ; ")).toBe(rows);
    // The same statement with its literals left in the plan.
    expect(answer(db, sql, { lifted: false }).join(" ; ")).toBe(rows);
  });
}
