-- a default stands in for a column that is not named
INSERT INTO customers (name, city) VALUES ('eve', 'Oslo') RETURNING name, upper(city), vip;
-- => ["eve","OSLO",false]

-- ON CONFLICT DO UPDATE sees the row that was to be inserted
INSERT INTO customers (name, city) VALUES ('eve', 'Bergen') ON CONFLICT (name) DO UPDATE SET city = excluded.city RETURNING name, city;
-- => ["eve","Bergen"]

-- … and the row that was there
INSERT INTO customers AS c (name, city) VALUES ('eve', 'X') ON CONFLICT (name) DO UPDATE SET city = c.city || '!' RETURNING city;
-- => ["Bergen!"]

-- … and a row that its WHERE leaves alone is not returned
INSERT INTO customers (name, city) VALUES ('eve', 'Y') ON CONFLICT (name) DO UPDATE SET city = 'Z' WHERE customers.vip RETURNING city;
-- => (no rows)

-- ON CONFLICT DO NOTHING returns only what it inserted
INSERT INTO customers (name, city) VALUES ('eve', 'X'), ('fay', NULL) ON CONFLICT DO NOTHING RETURNING name, city;
-- => ["fay",null]

-- rows of a query
INSERT INTO customers SELECT name || '2', city, vip FROM customers WHERE name = 'ann' RETURNING name, city, vip;
-- => ["ann2","Paris",true]

-- a common table expression before INSERT
WITH x AS (SELECT 'zed' AS n) INSERT INTO customers (name) SELECT n FROM x RETURNING name, vip;
-- => ["zed",false]

-- values take the column's type and scale
INSERT INTO orders (id, customer, amount, qty, score, due, paid, ref) VALUES (6, 'dan', 1.005, 2.5, 3, '2024-02-29', 'yes', 'A0EEBC999C0B4EF8BB6D6BB9BD380A11') RETURNING amount, qty, score, due, paid, ref;
-- => ["1.01",3,3,19782,true,"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]

-- an update may use the old values
UPDATE orders SET qty = qty + 1, amount = amount * 1.1 WHERE id = 1 RETURNING qty, amount;
-- => [4,"11.55"]

-- several columns at once
UPDATE customers SET (city, vip) = ('Nice', NOT vip) WHERE name = 'ann2' RETURNING name, city, vip;
-- => ["ann2","Nice",false]

-- swapped columns read the old row
UPDATE orders SET qty = small, small = qty WHERE id = 2 RETURNING qty, small;
-- => [2,1]

-- an update that finds its rows by a sub-query
UPDATE orders SET paid = false WHERE customer IN (SELECT name FROM customers WHERE vip) AND id < 3 RETURNING id, paid;
-- => ["1",false]

-- an interval added to a column
UPDATE orders SET placed = placed + interval '1 day' WHERE id = 1 RETURNING placed;
-- => [1705401000000000]

-- an update of no row returns none
UPDATE orders SET qty = 1 WHERE id = 99 RETURNING id;
-- => (no rows)

-- a delete returns what it removed
DELETE FROM customers WHERE name LIKE 'ann_' RETURNING name, city, vip;
-- => ["ann2","Nice",false]

-- values from other rows
UPDATE customers AS c SET city = v.city FROM (VALUES ('bob', 'Roma'), ('dan', 'Oslo'), ('nobody', 'x')) AS v (name, city) WHERE v.name = c.name RETURNING c.name, c.city;
-- => ["bob","Roma"]
-- => ["dan","Oslo"]

-- what it was joined with comes back beside it
UPDATE customers AS c SET city = v.city || '!' FROM (VALUES ('bob', 'Roma', 1.50), ('nobody', 'x', 2)) AS v (name, city, fee) WHERE v.name = c.name RETURNING v.city, c.city, v.fee * 2, upper(v.name) || c.name;
-- => ["Roma","Roma!","3.00","BOBbob"]

-- a row that joins with several others is written once
UPDATE customers SET city = 'Rome' FROM orders AS a, orders AS b WHERE name = 'bob' AND a.id < 4 AND b.id < 4 RETURNING name, city;
-- => ["bob","Rome"]

-- a join beside the table, and what was there comes back
UPDATE customers AS c SET city = NULL FROM generate_series(1, 2) AS n JOIN orders AS o ON o.id = n WHERE c.name = 'dan' RETURNING c.name, c.city;
-- => ["dan",null]

-- a delete shows what it was joined with
INSERT INTO customers (name, city) VALUES ('gus', 'Ulm') RETURNING name;
-- => ["gus"]
DELETE FROM customers AS c USING (VALUES ('gus', 7)) AS v (name, why) WHERE v.name = c.name RETURNING why, c.name, c.city;
-- => [7,"gus","Ulm"]

-- a delete of rows that others name
DELETE FROM customers AS c USING orders AS o, unnest(ARRAY['x', 'zed']) AS u WHERE u = c.name AND o.id > 1 RETURNING c.name;
-- => ["zed"]

-- back again
INSERT INTO customers (name) VALUES ('zed') RETURNING name;
-- => ["zed"]

-- what is left
SELECT name, city, vip FROM customers ORDER BY name;
-- => ["ann","Paris",true]
-- => ["bob","Rome",false]
-- => ["dan",null,false]
-- => ["eve","Bergen!",false]
-- => ["fay",null,false]
-- => ["zed",null,false]
