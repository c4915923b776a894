// Aggregates, GROUP BY and joins. The answers are PostgreSQL's.
import { afterAll, expect, test } from "bun:test";
import { answer, openDatabase } from "./fixture.ts";

const db = openDatabase();
afterAll(() => db.close());

/** Rows are separated by ` ; `, columns by `|`, NULL is `~`. */
const CASES: readonly (readonly [why: string, sql: string, rows: string])[] = [
  ["COUNT(*) against COUNT(column)", "select count(*), count(qty), count(distinct qty) from items", "5|3|2"],
  [
    "aggregates of nothing",
    "select count(*), sum(qty), min(qty), max(name), bool_and(active) from items where id > 100",
    "0|~|~|~|~",
  ],
  ["SUM of integers", "select sum(qty), sum(small), sum(id) from items", "25|-4|15"],
  ["SUM of decimals is exact", "select sum(price) from items", "13.75"],
  ["SUM of doubles", "select sum(weight) from items", "-0.75"],
  [
    "MIN and MAX of decimals and text",
    "select min(price), max(price), min(name), max(name) from items",
    "1.50|10.00|Apple|pear",
  ],
  ["MIN and MAX of temporals", "select min(made), max(day) from items", "2023-12-31 23:59:59.5|2024-02-01"],
  ["boolean aggregates", "select bool_and(active), bool_or(active), every(active) from items", "f|t|f"],
  ["string_agg in order", "select string_agg(name, ',' order by name) from items", "Apple,apple,fig,pear"],
  [
    "string_agg with another separator",
    "select string_agg(name, ' / ' order by id desc) from items",
    "Apple / fig / pear / apple",
  ],
  ["FILTER", "select count(*) filter (where qty > 5), sum(qty) filter (where active) from items", "2|20"],
  ["SUM DISTINCT", "select sum(distinct qty) from items", "15"],
  ["arithmetic over aggregates", "select sum(qty) / count(qty), max(id) - min(id) from items", "8|4"],
  ["GROUP BY a column", "select qty, count(*) from items group by qty order by qty", "5|1 ; 10|2 ; ~|2"],
  [
    "NULLs form one group",
    "select active, count(*) from items group by active order by active nulls first",
    "~|2 ; f|1 ; t|2",
  ],
  ["GROUP BY position", "select qty, count(*) from items group by 1 order by 2 desc, 1", "10|2 ; ~|2 ; 5|1"],
  ["GROUP BY alias", "select qty * 2 as twice, count(*) from items group by twice order by twice", "10|1 ; 20|2 ; ~|2"],
  [
    "GROUP BY expression with literals",
    "select qty + 1, count(*) from items group by qty + 1 order by 1",
    "6|1 ; 11|2 ; ~|2",
  ],
  [
    "GROUP BY function with a literal",
    "select date_trunc('month', made) as m, count(*) from items group by date_trunc('month', made) order by m",
    "2023-12-01 00:00:00|1 ; 2024-01-01 00:00:00|1 ; 2024-02-01 00:00:00|1 ; ~|2",
  ],
  [
    "GROUP BY the key allows the other columns",
    "select id, name, count(*) from items group by id order by id",
    "1|apple|1 ; 2|pear|1 ; 3|fig|1 ; 4|Apple|1 ; 5|~|1",
  ],
  ["HAVING", "select qty, count(*) from items group by qty having count(*) > 1", "~|2 ; 10|2"],
  ["HAVING on an aggregate that is not selected", "select qty from items group by qty having max(id) = 4", "10"],
  ["HAVING without GROUP BY", "select count(*) from items having count(*) > 100", ""],
  ["ORDER BY an aggregate", "select qty from items group by qty order by count(*) desc, qty", "10 ; ~ ; 5"],
  ["GROUP BY of an empty table gives no rows", "select qty from items where false group by qty", ""],
  [
    "inner join",
    "select o.id, i.name from orders o join items i on i.id = o.item_id order by o.id",
    "100|apple ; 101|apple ; 102|pear",
  ],
  [
    "left join keeps unmatched rows",
    "select o.id, i.name from orders o left join items i on i.id = o.item_id order by o.id",
    "100|apple ; 101|apple ; 102|pear ; 103|~ ; 104|~",
  ],
  [
    "right join",
    "select o.id, i.id from orders o right join items i on i.id = o.item_id order by o.id, i.id",
    "100|1 ; 101|1 ; 102|2 ; ~|3 ; ~|4 ; ~|5",
  ],
  [
    "full join",
    "select o.id, i.id from orders o full join items i on i.id = o.item_id order by o.id, i.id",
    "100|1 ; 101|1 ; 102|2 ; 103|~ ; 104|~ ; ~|3 ; ~|4 ; ~|5",
  ],
  ["cross join", "select count(*) from items cross join orders", "25"],
  [
    "comma join with a condition",
    "select o.id from items i, orders o where i.id = o.item_id order by o.id",
    "100 ; 101 ; 102",
  ],
  [
    "condition of a left join against WHERE",
    "select o.id, i.id from orders o left join items i on i.id = o.item_id and i.id = 1 order by o.id",
    "100|1 ; 101|1 ; 102|~ ; 103|~ ; 104|~",
  ],
  [
    "three tables",
    "select a.id, b.id from orders a join items i on i.id = a.item_id join orders b on b.item_id = i.id order by a.id, b.id",
    "100|100 ; 100|101 ; 101|100 ; 101|101 ; 102|102",
  ],
  [
    "nested join on the right",
    "select o.id from orders o left join (items i join orders p on p.item_id = i.id) on i.id = o.item_id and p.id <> o.id order by o.id",
    "100 ; 101 ; 102 ; 103 ; 104",
  ],
  [
    "comma binds weaker than FULL JOIN",
    "select count(*) from (values (1)) v(x), items i full join orders o on o.item_id = i.id",
    "8",
  ],
  ["self join", "select a.id, b.id from items a join items b on a.qty = b.qty and a.id < b.id", "1|4"],
  ["USING merges the column", "select id, amount from orders join (values (100), (999)) v(id) using (id)", "100|3"],
  [
    "USING in a full join coalesces",
    "select id from orders full join (values (100), (999)) v(id) using (id) order by id",
    "100 ; 101 ; 102 ; 103 ; 104 ; 999",
  ],
  [
    "USING, star shows the merged column first",
    "select * from (values (1, 'a')) l(k, x) join (values (1, 'b')) r(k, y) using (k)",
    "1|a|b",
  ],
  ["NATURAL JOIN", "select * from (values (1, 'a')) l(k, x) natural join (values (1, 'b'), (2, 'c')) r(k, y)", "1|a|b"],
  [
    "sub-query in FROM",
    "select s.n from (select name as n, qty from items where qty > 5) s order by n",
    "Apple ; apple",
  ],
  ["column aliases of a sub-query", "select a, b from (select id, name from items) s(a, b) where a = 3", "3|fig"],
  ["VALUES in FROM", "select x + 1, y from (values (1, 'a'), (2, null)) v(x, y) order by x", "2|a ; 3|~"],
  [
    "VALUES unifies types; a decimal column has one scale",
    "select x from (values (1), (2.5), (null)) v(x) order by x",
    "1.0 ; 2.5 ; ~",
  ],
  ["VALUES alone", "values (1, 'a'), (2, 'b')", "1|a ; 2|b"],
];

for (const [why, sql, rows] of CASES) {
  test(`TB-06 ${why}`, () => {
    expect(answer(db, sql).join(" ; ")).toBe(rows);
    // The same statement with its literals left in the plan.
    expect(answer(db, sql, { lifted: false }).join(" ; ")).toBe(rows);
  });
}
