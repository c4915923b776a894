// Sub-queries, set operations, common table expressions, windows. The answers are PostgreSQL's.
import { afterAll, expect, test } from "bun:test";
import { answer, openDatabase } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** Rows are separated by ` ; `, columns by `|`, NULL is `~`. */
const CASES: readonly (readonly [why: string, sql: string, rows: string])[] = [
  ["scalar sub-query", "select (select max(qty) from items)", "10"],
  ["scalar sub-query without rows is NULL", "select (select name from items where id = 99) is null", "t"],
  [
    "correlated sub-query",
    "select id, (select count(*) from orders o where o.item_id = i.id) from items i order by id",
    "1|2 ; 2|1 ; 3|0 ; 4|0 ; 5|0",
  ],
  [
    "EXISTS",
    "select id from items i where exists (select 1 from orders o where o.item_id = i.id) order by id",
    "1 ; 2",
  ],
  [
    "NOT EXISTS",
    "select id from items i where not exists (select * from orders o where o.item_id = i.id) order by id",
    "3 ; 4 ; 5",
  ],
  ["IN sub-query", "select id from items where id in (select item_id from orders) order by id", "1 ; 2"],
  ["NOT IN with a NULL keeps nothing", "select id from items where id not in (select item_id from orders)", ""],
  ["> ALL", "select id from items where qty >= all (select qty from items where qty is not null) order by id", "1 ; 4"],
  ["> ANY", "select id from items where qty > any (select amount from orders) order by id", "1 ; 3 ; 4"],
  [
    "ALL of no rows is true",
    "select 1 > all (select qty from items where false), 1 > any (select qty from items where false)",
    "t|f",
  ],
  ["ANY with NULL is unknown", "select (5 < any (select qty from items where id in (2, 3))) is null", "t"],
  ["row IN sub-query", "select id from orders where (item_id, amount) in (select 1, 3)", "100"],
  [
    "sub-query two levels deep, default order by key",
    "select id from items i where id = (select max(o.item_id) from orders o where o.id in (select p.id from orders p where p.item_id = i.id))",
    "1 ; 2",
  ],
  ["sub-query in the select list with an untyped literal", "select (select 'x')", "x"],
  ["sub-query in HAVING", "select qty from items group by qty having count(*) = (select 2)", "~ ; 10"],
  [
    "derived table correlated from a sub-query",
    "select id, (select sum(x) from (select o.amount as x from orders o where o.item_id = i.id) s) from items i order by id",
    "1|7 ; 2|1 ; 3|~ ; 4|~ ; 5|~",
  ],
  [
    "UNION removes duplicates",
    "select qty from items union select amount from orders order by 1",
    "1 ; 3 ; 4 ; 5 ; 7 ; 10 ; ~",
  ],
  ["UNION ALL keeps them", "select 1 union all select 1", "1 ; 1"],
  ["INTERSECT", "select id from items intersect select item_id from orders order by id", "1 ; 2"],
  ["EXCEPT", "select id from items except select item_id from orders order by id", "3 ; 4 ; 5"],
  ["INTERSECT binds tighter", "select 1 union select 2 intersect select 3 order by 1", "1"],
  ["parentheses around operands", "(select 1 union all select 2) except select 2", "1"],
  [
    "set operation unifies types; a decimal column has one scale",
    "select 1 as x union select 2.5 order by x",
    "1.0 ; 2.5",
  ],
  [
    "untyped literal takes the other side's type",
    "select day from items where id = 1 union select '2023-01-01' order by 1",
    "2023-01-01 ; 2024-01-01",
  ],
  ["NULL in a union", "select 1 union all select null order by 1", "1 ; ~"],
  [
    "operand with its own LIMIT",
    "(select id from items order by id desc limit 1) union all (select id from items order by id limit 1)",
    "5 ; 1",
  ],
  [
    "ORDER BY output name of a union",
    "select id as k from items where id < 3 union all select id from orders where id > 102 order by k desc limit 3",
    "104 ; 103 ; 2",
  ],
  ["three operands from left to right", "select 1 union all select 1 union select 1", "1"],
  ["common table expression", "with big as (select id, qty from items where qty > 5) select count(*) from big", "2"],
  [
    "CTE used twice",
    "with b as (select id from items where id < 4) select x.id, y.id from b x join b y on x.id + 1 = y.id order by 1",
    "1|2 ; 2|3",
  ],
  [
    "CTE over CTE",
    "with a as (select id from items), b as (select id from a where id > 3) select * from b order by id",
    "4 ; 5",
  ],
  ["CTE column names", "with c(k, v) as (select id, name from items) select v from c where k = 2", "pear"],
  ["CTE hides a table", "with items as (select 42 as answer) select answer from items", "42"],
  [
    "recursive CTE",
    "with recursive c(n) as (select 1 union all select n + 1 from c where n < 5) select sum(n) from c",
    "15",
  ],
  [
    "recursive CTE over rows",
    "with recursive c(id, depth) as (select id, 1 from items where id = 1 union all select i.id, c.depth + 1 from items i join c on i.id = c.id + 1 where c.depth < 3) select * from c order by id",
    "1|1 ; 2|2 ; 3|3",
  ],
  [
    "recursive UNION stops at repeats",
    "with recursive c(n) as (select 1 union select (n % 3) + 1 from c) select count(*) from c",
    "3",
  ],
  ["CTE in a sub-query", "select (with c as (select max(id) as m from items) select m from c)", "5"],
  ["MATERIALIZED", "with c as materialized (select id from items) select count(*) from c", "5"],
  [
    "row_number",
    "select id, row_number() over (order by id desc) from items order by id",
    "1|5 ; 2|4 ; 3|3 ; 4|2 ; 5|1",
  ],
  [
    "rank and dense_rank with ties",
    "select id, rank() over (order by qty), dense_rank() over (order by qty) from items order by id",
    "1|2|2 ; 2|4|3 ; 3|1|1 ; 4|2|2 ; 5|4|3",
  ],
  ["PARTITION BY", "select id, count(*) over (partition by qty) from items order by id", "1|2 ; 2|2 ; 3|1 ; 4|2 ; 5|2"],
  [
    "running sum",
    "select id, sum(amount) over (order by id) from orders order by id",
    "100|3 ; 101|7 ; 102|8 ; 103|15 ; 104|15",
  ],
  [
    "default frame takes peers together",
    "select amount, sum(amount) over (order by item_id) from orders where item_id is not null order by id",
    "3|7 ; 4|7 ; 1|8 ; 7|15",
  ],
  [
    "ROWS frame",
    "select id, sum(amount) over (order by id rows between 1 preceding and current row) from orders order by id",
    "100|3 ; 101|7 ; 102|5 ; 103|8 ; 104|7",
  ],
  [
    "frame to the end",
    "select id, count(*) over (order by id rows between current row and unbounded following) from orders order by id",
    "100|5 ; 101|4 ; 102|3 ; 103|2 ; 104|1",
  ],
  [
    "RANGE frame with an offset",
    "select id, count(*) over (order by id range between 1 preceding and 1 following) from orders order by id",
    "100|2 ; 101|3 ; 102|3 ; 103|3 ; 104|2",
  ],
  [
    "GROUPS frame",
    "select id, count(*) over (order by qty groups between 1 preceding and current row) from items order by id",
    "1|3 ; 2|4 ; 3|1 ; 4|3 ; 5|4",
  ],
  [
    "EXCLUDE CURRENT ROW",
    "select id, count(*) over (order by id rows between unbounded preceding and unbounded following exclude current row) from items order by id",
    "1|4 ; 2|4 ; 3|4 ; 4|4 ; 5|4",
  ],
  [
    "lag and lead",
    "select id, lag(name) over (order by id), lead(name, 2, 'none') over (order by id) from items order by id",
    "1|~|fig ; 2|apple|Apple ; 3|pear|~ ; 4|fig|none ; 5|Apple|none",
  ],
  [
    "first, last and nth value",
    "select id, first_value(id) over w, last_value(id) over w, nth_value(id, 2) over w from items window w as (order by id rows between unbounded preceding and unbounded following) order by id",
    "1|1|5|2 ; 2|1|5|2 ; 3|1|5|2 ; 4|1|5|2 ; 5|1|5|2",
  ],
  ["ntile", "select id, ntile(2) over (order by id) from items order by id", "1|1 ; 2|1 ; 3|1 ; 4|2 ; 5|2"],
  [
    "percent_rank and cume_dist",
    "select id, percent_rank() over (order by id), cume_dist() over (order by id) from items order by id",
    "1|0|0.2 ; 2|0.25|0.4 ; 3|0.5|0.6 ; 4|0.75|0.8 ; 5|1|1",
  ],
  [
    "window over an aggregate",
    "select qty, sum(count(*)) over (order by qty) from items group by qty order by qty",
    "5|1 ; 10|3 ; ~|5",
  ],
  [
    "window with FILTER",
    "select id, count(*) filter (where amount > 2) over (order by id) from orders order by id",
    "100|1 ; 101|2 ; 102|2 ; 103|3 ; 104|3",
  ],
  [
    "window of decimals",
    "select id, sum(price) over (order by id) from items order by id",
    "1|1.50 ; 2|3.75 ; 3|3.75 ; 4|13.75 ; 5|13.75",
  ],
  [
    "ORDER BY a window function",
    "select id from items order by row_number() over (order by id desc)",
    "5 ; 4 ; 3 ; 2 ; 1",
  ],
  [
    "named window extended",
    "select id, sum(amount) over (w order by id) from orders window w as (partition by item_id) order by id",
    "100|3 ; 101|7 ; 102|1 ; 103|7 ; 104|~",
  ],
  [
    "window NULL order",
    "select id, row_number() over (order by qty desc, id) from items order by id",
    "1|3 ; 2|1 ; 3|5 ; 4|4 ; 5|2",
  ],
  ["json field as text", "select tags ->> 'a' from items order by id", "1 ; ~ ; ~ ; x ; ~"],
  ["json field", "select tags -> 'b' from items where id = 1", "[1, 2]"],
  ["json path", "select tags #>> '{b,1}' from items where id = 1", "2"],
  ["filter on a json field", "select id from items where tags ->> 'a' = 'x'", "4"],
  ["scalar functions nest", "select upper(substring(name from 1 for 2)) from items where id = 2", "PE"],
  ["position and trim", "select position('p' in name), trim(both 'e' from name) from items where id = 1", "2|appl"],
  [
    "replace, split, pad",
    "select replace('aXbX', 'X', '-'), split_part('a,b,c', ',', 2), lpad('7', 3, '0')",
    "a-b-|b|007",
  ],
  ["concat skips NULL", "select concat('a', null, 'b', 1), concat_ws('-', 'a', null, 'b')", "ab1|a-b"],
  ["alias of a table hides its name", "select x.id from items as x where x.id = 2", "2"],
  ["qualified by namespace", "select app.items.id from app.items where app.items.id = 3", "3"],
  ["quoted names", 'select "id" as "Id" from "items" where "id" = 1', "1"],
  ["* beside columns", "select v.*, 9 from (values (1, 2)) v(a, b)", "1|2|9"],
  ["t.* of a join", "select v.* from (values (1, 2)) v(a, b) join (values (1)) w(c) on w.c = v.a", "1|2"],
  ["WHERE with row comparison", "select id from orders where (item_id, id) > (1, 100) order by id", "101 ; 102 ; 103"],
  ["long OR chain", "select count(*) from items where id = 1 or id = 2 or id = 3 or id = 4 or id = 90 or id = 91", "4"],
  [
    "IN on several columns",
    "select id from orders where (item_id, amount) in ((1, 3), (2, 1)) order by id",
    "100 ; 102",
  ],
  ["duplicate output names", "select id, id from items where id = 1", "1|1"],
  ["comments and case", "SELECT /* c */ Id FROM Items WHERE ID = 1 -- end", "1"],
];

for (const [why, sql, rows] of CASES) {
  test(`TB-06 ${why}`, () => {
    expect(answer(db, sql).join(" ; ")).toBe(rows);
    // The same statement with its literals left in the plan.
    expect(answer(db, sql, { lifted: false }).join(" ; ")).toBe(rows);
  });
}
