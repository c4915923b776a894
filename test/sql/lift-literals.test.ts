// Which literals leave a statement's text, and what the key keeps.
import { expect, test } from "bun:test";
import { liftLiterals } from "../../src/sql/lift-literals.ts";

test.each([
  ["each class has its marker", "SELECT 1, 3000000000, 1.5, 'a'", "select {i}, {l}, {n}, {s}"],
  ["the bounds of 32 bits", "SELECT 2147483647, 2147483648", "select {i}, {l}"],
  ["the bounds of 64 bits", "SELECT 9223372036854775807, 9223372036854775808", "select {l}, {n}"],
  ["leading zeros do not count", "SELECT 0000000000000000000007", "select {i}"],
  ["forms of fractions", "SELECT .5, 1., 1e5, 1.5E-3", "select {n}, {n}, {n}, {n}"],
  ["case, white space and comments are levelled out", "Select\n\tA -- x\n,  b/* y */FROM T ;", "select a , b from t"],
  ["quoted names stay as they are", 'SELECT "A  1", a1 FROM "T"', 'select "A  1", a1 from "T"'],
  ["parameters stay", "SELECT $1, $22", "select $1, $22"],
  ["words that are values stay", "SELECT TRUE, FALSE, NULL", "select true, false, null"],
  ["a minus sign is an operator", "SELECT -5, a-5", "select -{i}, a-{i}"],
  ["INSERT", "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "insert into t (a, b) values ({i}, {s}), ({i}, {s})"],
  ["UPDATE", "UPDATE t SET a = 1 WHERE b = 'x'", "update t set a = {i} where b = {s}"],
  ["LIMIT and OFFSET", "SELECT a FROM t LIMIT 5 OFFSET 10", "select a from t limit {i} offset {i}"],
  [
    "beside a GROUP BY of columns",
    "SELECT t.region, count(*) + 5 AS n, 'x' FROM t WHERE a > 1 GROUP BY t.region, product HAVING count(*) > 10 ORDER BY n + 1 LIMIT 3",
    "select t.region, count(*) + {i} as n, {s} from t where a > {i} group by t.region, product having count(*) > {i} order by n + 1 limit {i}",
  ],
  [
    "beside one in a sub-query",
    "SELECT x * 2 FROM (SELECT region AS x, sum(a) FILTER (WHERE b > 1) FROM t GROUP BY region) s WHERE x > 3",
    "select x * {i} from (select region as x, sum(a) filter (where b > {i}) from t group by region) s where x > {i}",
  ],
  ["a cast string", "SELECT '2020-01-01'::date, DATE '2020-01-01'", "select {s}::date, date {s}"],
])("TB-07 %s", (_why, sql, key) => {
  expect(liftLiterals(sql).key).toBe(key);
});

test.each([
  [
    "an ordinal names a column",
    "SELECT a, b FROM t ORDER BY 2, 1 LIMIT 3",
    "select a, b from t order by 2, 1 limit {i}",
  ],
  [
    "words that may be columns do not end the list",
    "SELECT rows FROM t ORDER BY rows, 1",
    "select rows from t order by rows, 1",
  ],
  [
    "a column named by a keyword neither",
    "SELECT 1 FROM t ORDER BY t.limit, 1",
    "select {i} from t order by t.limit, 1",
  ],
  [
    "GROUP BY compares expressions with the select list",
    "SELECT left(a, 3) FROM t WHERE b = 'x' GROUP BY left(a, 3) HAVING count(*) > 2 LIMIT 9",
    "select left(a, 3) from t where b = {s} group by left(a, 3) having count(*) > 2 limit {i}",
  ],
  [
    "also by the name of an output column, with or without AS",
    "SELECT a + 1 x, (a + 1) * 2 FROM t GROUP BY x",
    "select a + 1 x, (a + 1) * 2 from t group by x",
  ],
  [
    "or by its place",
    "SELECT a + 1, (a + 1) * 2 FROM t GROUP BY 1 HAVING sum(b) > 5",
    "select a + 1, (a + 1) * 2 from t group by 1 having sum(b) > 5",
  ],
  [
    "or in a sub-query",
    "SELECT 1 FROM (SELECT a + 2 AS x, count(*) + 3 FROM t GROUP BY x) s",
    "select 1 from (select a + 2 as x, count(*) + 3 from t group by x) s",
  ],
  [
    "or with names in quotes",
    'SELECT a + 1 AS "x", (a + 1) * 2 FROM t GROUP BY x',
    'select a + 1 as "x", (a + 1) * 2 from t group by x',
  ],
  [
    "or after a column that is named like a clause",
    "SELECT t.from, a + 1 AS x, (a + 1) * 2 FROM t GROUP BY t.from, x",
    "select t.from, a + 1 as x, (a + 1) * 2 from t group by t.from, x",
  ],
  [
    "an ordered set is no grouping",
    "SELECT a, percentile_cont(0.5) WITHIN GROUP (ORDER BY b) FROM t GROUP BY a",
    "select a, percentile_cont(0.5) within group (order by b) from t group by a",
  ],
  [
    "so does DISTINCT with ORDER BY",
    "SELECT DISTINCT a + 1 FROM t ORDER BY a + 1",
    "select distinct a + 1 from t order by a + 1",
  ],
  ["types are not values", "SELECT CAST(a AS DECIMAL(10, 2)) FROM t", "select cast(a as decimal(10, 2)) from t"],
  [
    "intervals are planned",
    "SELECT now() - INTERVAL '1 day', '2 day'::interval",
    "select now() - interval '1 day', '2 day'::interval",
  ],
  ["in each spelling", "SELECT CAST('1 day' AS INTERVAL)", "select cast('1 day' as interval)"],
  [
    "units and formats are planned",
    "SELECT date_trunc('day', a), to_char(a, 'YYYY')",
    "select date_trunc('day', a), to_char(a, 'YYYY')",
  ],
  ["members of JSON are names", "SELECT a->'x', a->>0, a #>> '{y}' FROM t", "select a->'x', a->>0, a #>> '{y}' from t"],
  ["E, dollar, bit and hex strings", "SELECT E'\\'', $$x$$, B'1', X'1F'", "select E'\\'', $$x$$, B'1', X'1F'"],
])("TB-07 stays in the key: %s", (_why, sql, key) => {
  expect(liftLiterals(sql).key).toBe(key);
});

test.each([
  ["two strings that PostgreSQL joins", "SELECT 'a'\n'b'"],
  ["letters beyond ASCII outside quotes", "SELECT É"],
  ["braces outside quotes", "SELECT {s}"],
  ["junk after a number", "SELECT 1a"],
  ["a hexadecimal number", "SELECT 0x1F"],
  ["underscores in a number", "SELECT 1_000"],
  ["Unicode escapes", "SELECT U&'\\0041'"],
  ["an open string", "SELECT 'a"],
  ["an open comment", "SELECT 1 /*"],
  ["several statements", "SELECT 1; SELECT 2"],
  ["a NUL, which the parser refuses", "SELECT 'a\u0000'"],
  ["a lone surrogate, which the parser refuses", "SELECT '\ud800'"],
  ["what no cache holds", "CREATE TABLE t (a INT DEFAULT 5)"],
])("TB-07 is its own key: %s", (_why, sql) => {
  expect(liftLiterals(sql)).toEqual({ key: `{}${sql}`, literals: [] });
});

test("TB-07 a literal carries its value, kind and place", () => {
  const sql = "SELECT 'it''s', /* é */ 42, 1.50, 99999999999999999999";
  expect(liftLiterals(sql).literals).toEqual([
    { text: "it's", kind: "string", start: sql.indexOf("'it") },
    { text: "42", kind: "integer", start: sql.indexOf("42") },
    { text: "1.50", kind: "float", start: sql.indexOf("1.50") },
    { text: "99999999999999999999", kind: "float", start: sql.indexOf("999") },
  ]);
});

test("TB-07 letters that change length when folded do not move the rest", () => {
  const sql = "SELECT 'İ', Abc, 'x'";
  expect(liftLiterals(sql)).toEqual({
    key: "select {s}, abc, {s}",
    literals: [
      { text: "İ", kind: "string", start: 7 },
      { text: "x", kind: "string", start: sql.indexOf("'x'") },
    ],
  });
});
