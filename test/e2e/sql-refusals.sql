-- arrays of arrays
SELECT ARRAY[ARRAY[1], ARRAY[2]];
-- error: UNSUPPORTED an array of arrays is not supported

-- … to compare with too
SELECT ARRAY[1] = ANY (ARRAY[ARRAY[1, 2], ARRAY[3, 4]]);
-- error: UNSUPPORTED an array of arrays is not supported

-- string_agg takes two arguments
SELECT string_agg('a') FROM (VALUES (1)) AS t (x);
-- error: SQL_EXECUTION_ERROR function string_agg(unknown) does not exist

SELECT string_agg('a', ',', 'b') FROM (VALUES (1)) AS t (x);
-- error: SQL_EXECUTION_ERROR function string_agg(unknown, unknown, unknown) does not exist

-- a literal without a type is no number of its own
SELECT sum('1') FROM (VALUES (1)) AS t (x);
-- error: SQL_EXECUTION_ERROR function sum(unknown) does not exist

-- bounds of an array's own
SELECT '[2:3]={1,2}'::int[];
-- error: UNSUPPORTED an array with bounds of its own is not supported

-- DISTINCT values with a separator
SELECT string_agg(DISTINCT customer, customer) FROM orders;
-- error: UNSUPPORTED string_agg with DISTINCT is not supported

-- a function there is not
SELECT no_such_function('a', 1);
-- error: SQL_EXECUTION_ERROR function no_such_function(unknown, integer) does not exist

-- time zones other than UTC
SET TIME ZONE 'Europe/Paris';
-- error: UNSUPPORTED SET TIME ZONE is not supported: every session is in UTC

-- a zone that nobody keeps
SELECT now() AT TIME ZONE 'Mars/Base';
-- error: INVALID_VALUE time zone "Mars/Base" not recognized

-- columns of what only expressions have
CREATE SHARED TABLE spans (id INT PRIMARY KEY, tags TEXT[]);
-- error: UNSUPPORTED Type TEXT[] is not supported

-- fields of a value
SELECT (info).a FROM orders;
-- error: UNSUPPORTED this subscript of a document is not supported

-- a row as a value
SELECT ROW(1, 2);
-- error: UNSUPPORTED a row value here is not supported

-- several groupings at once
SELECT count(*) FROM orders GROUP BY ROLLUP (customer);
-- error: UNSUPPORTED ROLLUP

-- samples
SELECT id FROM orders TABLESAMPLE BERNOULLI (10);
-- error: UNSUPPORTED TABLESAMPLE is not supported

-- row locks
SELECT id FROM orders FOR UPDATE;
-- error: UNSUPPORTED FOR UPDATE

-- a table out of a query
SELECT * INTO copy FROM orders;
-- error: UNSUPPORTED SELECT … INTO is not supported

-- a type there is not
SELECT 'x'::point;
-- error: INVALID_SQL type "point" does not exist

-- types that do not compare
SELECT id FROM orders WHERE customer = 5;
-- error: SQL_EXECUTION_ERROR operator does not exist: text = integer

-- a number is no condition
SELECT id FROM orders WHERE amount;
-- error: SQL_EXECUTION_ERROR argument of WHERE must be type boolean, not type numeric

-- a column that is neither grouped nor aggregated
SELECT customer, count(*) FROM orders;
-- error: SQL_EXECUTION_ERROR column "orders.customer" must appear in the GROUP BY clause

-- an aggregate where rows are chosen
SELECT count(*) FROM orders WHERE count(*) > 1;
-- error: SQL_EXECUTION_ERROR aggregate functions are not allowed in WHERE

-- a window function without a window
SELECT lag(id) FROM orders;
-- error: SQL_EXECUTION_ERROR window function lag requires an OVER clause

-- text does not add up
SELECT sum(customer) FROM orders;
-- error: SQL_EXECUTION_ERROR function sum(text) does not exist

-- an output column there is not
SELECT id FROM orders ORDER BY 2;
-- error: SQL_EXECUTION_ERROR ORDER BY position 2 is not in select list

-- a column there is not
SELECT nam FROM customers;
-- error: COLUMN_NOT_FOUND column "nam" does not exist

-- an alias nobody gave
SELECT o.id FROM orders;
-- error: TABLE_NOT_FOUND missing FROM-clause entry for table "o"

-- one alias for two tables
SELECT id FROM orders, customers c, customers c;
-- error: SQL_EXECUTION_ERROR table name "c" specified more than once

-- a column of two tables
SELECT id FROM orders a, orders b;
-- error: SQL_EXECUTION_ERROR column reference "id" is ambiguous

-- a scalar sub-query with several rows
SELECT (SELECT id FROM orders);
-- error: SQL_EXECUTION_ERROR more than one row returned by a subquery used as an expression

-- a scalar sub-query with several columns
SELECT (SELECT id, qty FROM orders WHERE id = 1);
-- error: SQL_EXECUTION_ERROR subquery must return only one column

-- division by zero
SELECT 1 / 0;
-- error: SQL_EXECUTION_ERROR division by zero

-- 32-bit arithmetic does not silently widen
SELECT 2147483647 + 1;
-- error: SQL_EXECUTION_ERROR integer out of range

-- nor does 64-bit arithmetic wrap
SELECT 9223372036854775807 + 1;
-- error: SQL_EXECUTION_ERROR bigint out of range

-- text that is no number
SELECT 'x'::int;
-- error: INVALID_VALUE invalid input syntax for type integer: "x"

-- a day there is not
SELECT '2023-02-29'::date;
-- error: INVALID_VALUE date/time field value out of range: "2023-02-29"

-- a unit there is not
SELECT date_trunc('fortnight', now());
-- error: SQL_EXECUTION_ERROR unit "fortnight" not recognized for type timestamp

-- more values than columns
INSERT INTO customers VALUES ('a', 'b', true, 1);
-- error: SQL_EXECUTION_ERROR INSERT has more expressions than target columns

-- one column twice
INSERT INTO customers (name, name) VALUES ('a', 'b');
-- error: SQL_EXECUTION_ERROR column "name" specified more than once

-- a value too wide for its column
UPDATE orders SET amount = 1e8 WHERE id = 1;
-- error: INVALID_VALUE out of range

-- a sum too wide for its column
UPDATE orders SET amount = amount * 1e8 WHERE id = 1;
-- error: SQL_EXECUTION_ERROR numeric field overflow

-- a forgotten WHERE
UPDATE customers SET city = 'x';
-- error: SQL_EXECUTION_ERROR UPDATE requires a WHERE clause

-- a forgotten WHERE, worse
DELETE FROM customers;
-- error: SQL_EXECUTION_ERROR DELETE requires a WHERE clause

-- a key is for ever
UPDATE customers SET name = 'x' WHERE name = 'ann';
-- error: SQL_EXECUTION_ERROR UPDATE cannot modify primary key column 'name'

-- writes inside a query
WITH gone AS (DELETE FROM customers WHERE name = 'x' RETURNING name) SELECT * FROM gone;
-- error: UNSUPPORTED a statement that changes data inside WITH is not supported

-- a statement of PostgreSQL that is not offered
MERGE INTO customers USING orders ON false WHEN NOT MATCHED THEN DO NOTHING;
-- error: UNSUPPORTED MERGE is not supported

-- … nor TRUNCATE
TRUNCATE customers CASCADE;
-- error: UNSUPPORTED TRUNCATE … CASCADE is not supported

-- … nor session settings
SET statement_timeout = 5;
-- error: UNSUPPORTED SET is not supported

-- … nor savepoints
SAVEPOINT a;
-- error: UNSUPPORTED SAVEPOINT is not supported

-- … nor a plan with its run times
EXPLAIN ANALYZE DELETE FROM t WHERE id = 1;
-- error: UNSUPPORTED EXPLAIN ANALYZE of anything but a SELECT is not supported

-- PostgreSQL's own catalog
SELECT relname FROM pg_class;
-- error: TABLE_NOT_FOUND relation "pg_class" does not exist

-- what psql itself would answer
\d customers;
-- error: INVALID_SQL syntax error at or near "\"

-- a function that returns rows beside an aggregate
SELECT count(*), generate_series(1, 3) FROM orders;
-- error: UNSUPPORTED a function that returns rows beside aggregates and window functions is not supported

-- several arrays at once are for FROM
SELECT unnest(ARRAY[1], ARRAY[2]);
-- error: UNSUPPORTED unnest of several arrays outside FROM is not supported

-- a series that never ends
SELECT * FROM generate_series(1, 5, 0);
-- error: SQL_EXECUTION_ERROR step size cannot equal zero

-- an array that is not one
SELECT 1 = ANY ('1,2');
-- error: SQL_EXECUTION_ERROR malformed array literal: "1,2"

-- ORDER BY that does not begin with the expressions of DISTINCT ON
SELECT DISTINCT ON (customer) id FROM orders ORDER BY id;
-- error: SQL_EXECUTION_ERROR SELECT DISTINCT ON expressions must match initial ORDER BY expressions

-- LATERAL on the right of a RIGHT JOIN
SELECT 1 FROM customers c RIGHT JOIN LATERAL (SELECT c.name) x ON true;
-- error: SQL_EXECUTION_ERROR missing FROM-clause entry for table "c"

-- elements of what is no array
SELECT * FROM jsonb_array_elements('{"a": 1}');
-- error: SQL_EXECUTION_ERROR cannot extract elements from an object

-- what a JSON path of PostgreSQL has and ours has not
SELECT jsonb_path_query_first('"2024-01-01"', '$.datetime()');
-- error: UNSUPPORTED jsonpath .datetime() is not supported

-- a path that is none
SELECT jsonb_path_exists('{}', '$.a ?? (1)');
-- error: INVALID_VALUE syntax error at or near "?" of jsonpath input

-- a condition where a value belongs
SELECT jsonb_path_exists('{}', '$.a ? (@.b)');
-- error: INVALID_VALUE of jsonpath input

-- a variable that is not given
SELECT jsonb_path_exists('1', '$ > $x');
-- error: SQL_EXECUTION_ERROR could not find jsonpath variable "x"
