-- integer division cuts towards zero
SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3;
-- => [3,-3,1,-1]

-- a decimal literal makes the division exact
SELECT 7.0 / 2, 10::numeric / 4;
-- => ["3.5000000000000000","2.5000000000000000"]

-- rounding is half away from zero for decimals, half to even for doubles
SELECT round(2.5), round(-2.5), round(2.5::float8), round(3.5::float8);
-- => ["3","-3",2,4]

-- casts to integer round, decimals away from zero, doubles to even
SELECT 3.7::int, 2.5::int, -2.5::int, 2.5::float8::int;
-- => [4,3,-3,2]

-- binary fractions print as short as they can
SELECT 0.1::float8 + 0.2, 1e20::float8::text, 1.0::float8::text;
-- => [0.30000000000000004,"1e+20","1"]

-- a decimal keeps its zeros as text
SELECT 1.10::text, 42::text, true::text;
-- => ["1.10","42","true"]

-- numeric functions
SELECT ceil(1.2), floor(-1.2), trunc(-1.9), abs(-5), sqrt(16), power(2, 10), mod(10, 3);
-- => ["2","-2","-1",5,4,1024,1]

-- logarithms
SELECT ln(1), exp(0), log(100);
-- => [0,1,2]

-- GREATEST and LEAST skip NULL
SELECT greatest(1, 5, 3), least('b', 'a', 'c'), greatest(1, NULL);
-- => [5,"a",1]

-- an unknown literal takes the other side's type
SELECT '1' + 1, '2' = 2;
-- => [2,true]

-- || takes any type beside text
SELECT 'abc' || 'def' || 1, 'a' || NULL;
-- => ["abcdef1",null]

-- concat skips NULL, concat_ws its separator too
SELECT concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b');
-- => ["a1","a-b"]

-- letters beyond ASCII have cases and count as one
SELECT lower('ÀÉ'), initcap('hello wORLD'), length('héllo'), char_length('日本'), octet_length('日本');
-- => ["àé","Hello World",5,2,6]

-- substring counts from one, negative lengths from the end
SELECT substring('abcdef' from 2 for 3), substr('abcdef', 3), left('abc', 2), right('abc', -1), left('abc', -1);
-- => ["bcd","cdef","ab","bc","ab"]

-- trim in all its spellings
SELECT trim('  x '), ltrim('xxa', 'x'), rtrim('axx', 'x'), trim(both 'x' from 'xxaxx'), btrim('zyaz', 'yz');
-- => ["x","a","a","a","a"]

-- padding, parts and repeats
SELECT lpad('7', 3, '0'), rpad('x', 3), split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), repeat('ab', 3);
-- => ["007","x  ","b","c","ababab"]

-- replace and reverse
SELECT replace('aXbX', 'X', '-'), reverse('abc');
-- => ["a-b-","cba"]

-- searching text
SELECT position('b' in 'abc'), strpos('abc', 'z'), starts_with('abc', 'ab'), ascii('A'), chr(65), md5('a');
-- => [2,0,true,65,"A","0cc175b9c0f1b6a831c399e269772661"]

-- LIKE minds case, ILIKE does not, a backslash escapes
SELECT 'ABC' ILIKE 'a%', 'abc' LIKE 'A%', 'a_c' LIKE 'a\_c', 'abc' NOT LIKE '%z%';
-- => [true,false,true,true]

-- LIKE with an escape of its own
SELECT '50%' LIKE '50!%' ESCAPE '!', '500' LIKE '50!%' ESCAPE '!';
-- => [true,false]

-- regular expressions
SELECT 'abc' ~ '^a.c$', 'ABC' ~* 'abc', 'abc' !~ 'z', 'foo1' ~ '\d';
-- => [true,true,true,true]

-- bytes as hex and base64
SELECT encode('\x01ff'::bytea, 'hex'), encode('abc'::bytea, 'base64'), decode('ff', 'hex');
-- => ["01ff","YWJj",[255]]

-- four ways to write text
SELECT 'it''s', E'a\tb', $$x$$;
-- => ["it's","a\tb","x"]

-- varchar(n) cuts in a cast
SELECT 'abc'::varchar(2), 't'::boolean, 1::boolean;
-- => ["ab",true,true]

-- comparison with NULL is NULL
SELECT NULL = NULL, NULL IS NULL, NULL IS DISTINCT FROM 1, 1 IS NOT DISTINCT FROM 1;
-- => [null,true,true,true]

-- three-valued logic
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::boolean;
-- => [null,false,true,null]

-- IN over a list with NULL is not false
SELECT 5 IN (1, 2), 5 NOT IN (1, NULL), 1 IN (1, NULL);
-- => [false,null,true]

-- BETWEEN, also with its bounds swapped
SELECT 5 BETWEEN 1 AND 10, 5 BETWEEN 10 AND 1, 5 BETWEEN SYMMETRIC 10 AND 1;
-- => [true,false,true]

-- CASE with and without operand
SELECT CASE WHEN 1 > 2 THEN 'a' WHEN true THEN 'b' END, CASE 3 WHEN 1 THEN 'one' ELSE 'many' END;
-- => ["b","many"]

-- COALESCE and NULLIF
SELECT coalesce(NULL, 'x'), nullif(1, 1), nullif(1, 2);
-- => ["x",null,1]

-- rows compare from the left
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3), (2, 1) < (1, 3);
-- => [true,true,false]

-- today is the date of now
SELECT now()::date = current_date, current_timestamp = now();
-- => [true,true]

-- a date plus days is a date
SELECT '2024-01-31'::date + 1, '2024-03-01'::date - '2024-02-01'::date;
-- => [19754,29]

-- a month after 31 January is the end of February
SELECT '2024-01-31'::timestamp + interval '1 month';
-- => [1709164800000000]

-- intervals of several units
SELECT '2024-01-31 10:00'::timestamptz - interval '2 hours 30 minutes';
-- => [1706686200000000]

-- weeks begin on Monday
SELECT date_trunc('week', '2024-01-21'::timestamp), date_trunc('quarter', '2024-05-21'::timestamp);
-- => [1705276800000000,1711929600000000]

-- truncation drops the fraction
SELECT date_trunc('hour', '2024-01-20 23:59:59.5'::timestamp);
-- => [1705791600000000]

-- fields of a date
SELECT extract(dow FROM '2024-01-21'::date), extract(isodow FROM '2024-01-21'::date), extract(doy FROM '2024-02-29'::date), extract(week FROM '2024-12-30'::date);
-- => [0,7,60,1]

-- date_part is extract
SELECT date_part('minute', '2024-01-01 10:42:13'::timestamp), extract(year FROM '2024-01-01'::date);
-- => [42,2024]

-- dates as text
SELECT to_char('2024-01-05 13:07:09'::timestamp, 'YYYY-MM-DD HH24:MI:SS'), to_char('2024-01-05 13:07:09'::timestamp, 'Dy, DD Mon YYYY HH12:MI AM');
-- => ["2024-01-05 13:07:09","Fri, 05 Jan 2024 01:07 PM"]

-- casts between date, time, timestamp and text
SELECT '2024-02-29 12:00:00'::timestamp::date, '2024-02-29'::date::timestamp, '2024-02-29 12:34:56.789'::timestamp::time, '2024-01-15 10:00:00'::timestamp::text;
-- => [19782,1709164800000000,45296789000,"2024-01-15 10:00:00"]

-- the Unix epoch and a made date
SELECT to_timestamp(1700000000), make_date(2024, 2, 29);
-- => [1700000000000000,19782]

-- what a JSON value is, and how long
SELECT jsonb_typeof('{}'::jsonb), jsonb_typeof('[1]'::jsonb->0), jsonb_array_length('[1,2]'::jsonb);
-- => ["object","number",2]

-- JSON contains a document whatever the spacing
SELECT '{"a": 1, "b": 2}'::jsonb @> '{"b":2}'::jsonb, '[1,2]'::jsonb @> '[2]'::jsonb;
-- => [true,true]

-- counting rows and counting values differ
SELECT count(*), count(qty), sum(qty), min(amount), max(placed), sum(amount) FROM orders;
-- => ["5","4","11","0.01",1711886400000000,"130.50"]

-- an aggregate over nothing is NULL, a count is 0
SELECT sum(qty), max(customer), count(*) FROM orders WHERE id > 99;
-- => [null,null,"0"]

-- FILTER and DISTINCT in aggregates
SELECT count(*) FILTER (WHERE paid), count(DISTINCT customer), sum(amount) FILTER (WHERE qty > 1) FROM orders;
-- => ["3","4","10.51"]

-- boolean aggregates skip NULL
SELECT bool_and(paid), bool_or(paid), every(paid) FROM orders;
-- => [false,true,false]

-- string_agg in its own order
SELECT string_agg(customer, ',' ORDER BY id DESC) FROM orders;
-- => ["Émile,cy,ann,bob,ann"]

-- grouping by output column and by number
SELECT customer, count(*) FROM orders GROUP BY 1 ORDER BY 2 DESC, 1;
-- => ["ann","2"]
-- => ["bob","1"]
-- => ["cy","1"]
-- => ["Émile","1"]

-- HAVING sees aggregates that are not selected
SELECT customer AS who FROM orders GROUP BY customer HAVING count(*) > 1;
-- => ["ann"]

-- grouping by an expression
SELECT date_trunc('month', placed)::date AS m, count(*) FROM orders WHERE placed IS NOT NULL GROUP BY 1 ORDER BY 1;
-- => [19723,"2"]
-- => [19754,"1"]
-- => [19783,"1"]

-- grouping by an alias of an expression
SELECT to_char(placed, 'YYYY-MM') AS m, sum(amount) FROM orders GROUP BY m ORDER BY m;
-- => ["2024-01","30.50"]
-- => ["2024-02","99.99"]
-- => ["2024-03","0.01"]
-- => [null,null]

-- an aggregate of an aggregate, by way of a window
SELECT customer, sum(sum(qty)) OVER (ORDER BY customer) FROM orders GROUP BY customer ORDER BY customer;
-- => ["ann","3"]
-- => ["bob","4"]
-- => ["cy","11"]
-- => ["Émile","11"]

-- NULL sorts last, and first when descending
SELECT id FROM orders ORDER BY amount DESC;
-- => ["5"]
-- => ["3"]
-- => ["2"]
-- => ["1"]
-- => ["4"]

-- NULL sorts where it is told to
SELECT id FROM orders ORDER BY amount NULLS FIRST, id;
-- => ["5"]
-- => ["4"]
-- => ["1"]
-- => ["2"]
-- => ["3"]

-- text sorts by code point
SELECT id FROM orders ORDER BY customer, id;
-- => ["1"]
-- => ["3"]
-- => ["2"]
-- => ["4"]
-- => ["5"]

-- ordering by an expression that is not selected
SELECT id FROM orders WHERE qty IS NOT NULL ORDER BY -qty;
-- => ["4"]
-- => ["1"]
-- => ["2"]
-- => ["5"]

-- LIMIT and OFFSET, in both spellings
SELECT id FROM orders ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY;
-- => ["2"]
-- => ["3"]

-- LIMIT NULL is no limit
SELECT id FROM orders ORDER BY id LIMIT NULL OFFSET 3;
-- => ["4"]
-- => ["5"]

-- ranks and neighbours
SELECT id, rank() OVER (PARTITION BY customer ORDER BY placed), dense_rank() OVER (ORDER BY customer), lag(id) OVER (ORDER BY id), lead(qty, 1, -1) OVER (ORDER BY id) FROM orders ORDER BY id;
-- => ["1","1","1",null,1]
-- => ["2","1","2","1",null]
-- => ["3","2","1","2",7]
-- => ["4","1","3","3",0]
-- => ["5","1","4","4",-1]

-- a moving sum
SELECT id, sum(qty) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM orders ORDER BY id;
-- => ["1","3"]
-- => ["2","4"]
-- => ["3","1"]
-- => ["4","7"]
-- => ["5","7"]

-- a named window
SELECT id, sum(qty) OVER w, count(*) OVER w FROM orders WINDOW w AS (PARTITION BY customer ORDER BY id) ORDER BY id;
-- => ["1","3","1"]
-- => ["2","1","1"]
-- => ["3","3","2"]
-- => ["4","7","1"]
-- => ["5","0","1"]

-- first values, tiles and percentages
SELECT id, first_value(id) OVER (PARTITION BY customer ORDER BY id), ntile(2) OVER (ORDER BY id), percent_rank() OVER (ORDER BY id) FROM orders ORDER BY id;
-- => ["1","1",1,0]
-- => ["2","2",1,0.25]
-- => ["3","1",1,0.5]
-- => ["4","4",2,0.75]
-- => ["5","5",2,1]

-- an exact running total of decimals
SELECT sum(amount) OVER (PARTITION BY customer ORDER BY id), id FROM orders ORDER BY id;
-- => ["10.50","1"]
-- => ["20.00","2"]
-- => ["110.49","3"]
-- => ["0.01","4"]
-- => [null,"5"]

-- row numbers as a top-n filter
SELECT customer, id FROM (SELECT customer, id, row_number() OVER (PARTITION BY customer ORDER BY id DESC) AS n FROM orders) t WHERE n = 1 ORDER BY id;
-- => ["bob","2"]
-- => ["ann","3"]
-- => ["cy","4"]
-- => ["Émile","5"]

-- a common table expression
WITH big AS (SELECT * FROM orders WHERE amount > 15) SELECT id FROM big ORDER BY id;
-- => ["2"]
-- => ["3"]

-- a recursive one
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n;
-- => ["15"]

-- an inner join
SELECT o.id, c.city FROM orders o JOIN customers c ON c.name = o.customer ORDER BY o.id;
-- => ["1","Paris"]
-- => ["2","Rome"]
-- => ["3","Paris"]

-- a left join keeps rows without a partner
SELECT o.id, c.city FROM orders o LEFT JOIN customers c ON c.name = o.customer ORDER BY o.id;
-- => ["1","Paris"]
-- => ["2","Rome"]
-- => ["3","Paris"]
-- => ["4",null]
-- => ["5",null]

-- a full join keeps both sides
SELECT o.id, c.name FROM orders o FULL JOIN customers c ON c.name = o.customer ORDER BY o.id, c.name;
-- => ["1","ann"]
-- => ["2","bob"]
-- => ["3","ann"]
-- => ["4",null]
-- => ["5",null]
-- => [null,"dan"]

-- a join of a table with itself by USING
SELECT a.id, b.id FROM orders a JOIN orders b USING (customer) WHERE a.id < b.id;
-- => ["1","3"]

-- a cross join counts the product
SELECT count(*) FROM orders CROSS JOIN customers;
-- => ["15"]

-- EXISTS looks at the outer row
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.name) ORDER BY name;
-- => ["ann"]
-- => ["bob"]

-- NOT IN a sub-query
SELECT name FROM customers WHERE name NOT IN (SELECT customer FROM orders);
-- => ["dan"]

-- a scalar sub-query for each row
SELECT name, (SELECT count(*) FROM orders o WHERE o.customer = c.name) AS n FROM customers c ORDER BY name;
-- => ["ann","2"]
-- => ["bob","1"]
-- => ["dan","0"]

-- a scalar sub-query without rows is NULL
SELECT (SELECT id FROM orders WHERE id = 99), (SELECT max(amount) FROM orders);
-- => [null,"99.99"]

-- ANY and ALL of a sub-query
SELECT id FROM orders WHERE amount > ALL (SELECT amount FROM orders WHERE customer = 'bob') AND customer = ANY (SELECT name FROM customers) ORDER BY id;
-- => ["3"]

-- ANY of a list
SELECT id FROM orders WHERE id = ANY (ARRAY[1, 3]) ORDER BY id;
-- => ["1"]
-- => ["3"]

-- UNION removes what is twice
SELECT customer FROM orders UNION SELECT name FROM customers ORDER BY 1;
-- => ["ann"]
-- => ["bob"]
-- => ["cy"]
-- => ["dan"]
-- => ["Émile"]

-- INTERSECT and EXCEPT
(SELECT name FROM customers EXCEPT SELECT customer FROM orders) UNION ALL (SELECT customer FROM orders INTERSECT SELECT name FROM customers) ORDER BY 1;
-- => ["ann"]
-- => ["bob"]
-- => ["dan"]

-- DISTINCT counts NULL as one value
SELECT DISTINCT paid FROM orders ORDER BY paid;
-- => [false]
-- => [true]
-- => [null]

-- VALUES as a query
VALUES (1, 'a'), (2, 'b');
-- => ["1","a"]
-- => ["2","b"]

-- VALUES as a table
SELECT s FROM (VALUES (1, 'a'), (2, 'b')) AS t(n, s) WHERE n > 1;
-- => ["b"]

-- a member of a JSON document, as text and down a path
SELECT info->>'a', info->'tags'->>0, info#>>'{who,name}', info->'nope' FROM orders ORDER BY id;
-- => ["1","x","Ann",null]
-- => ["2",null,null,null]
-- => ["text",null,null,null]
-- => [null,null,null,null]
-- => [null,null,null,null]

-- filters on JSON members
SELECT id FROM orders WHERE info @> '{"a":1}' OR info ? 'b' ORDER BY id;
-- => ["1"]
-- => ["2"]

-- a JSON number as a number
SELECT (info->>'a')::int + 1 FROM orders WHERE id <= 2 ORDER BY id;
-- => [2]
-- => [3]

-- days and intervals beside a date column
SELECT due + 7, due - interval '1 day', placed::date - due FROM orders WHERE id = 1;
-- => [19761,1706659200000000,-17]

-- a timestamp against a bare date
SELECT id FROM orders WHERE placed >= '2024-01-20'::date AND placed < '2024-01-20'::date + interval '1 day';
-- => ["2"]

-- text literals become what the column is
SELECT id FROM orders WHERE placed > '2024-01-20' AND due < '2024-03-01' AND at_time > '09:00' AND ref = '00000000-0000-0000-0000-000000000002';
-- => ["2"]

-- decimals compare with integers and decimals
SELECT id FROM orders WHERE amount = 20 OR amount IN (0.01, 99.990) ORDER BY id;
-- => ["2"]
-- => ["3"]
-- => ["4"]

-- arithmetic with a decimal column
SELECT amount * qty, -amount, amount + 0.001, qty * 1.5 FROM orders ORDER BY id;
-- => ["31.50","-10.50","10.501","4.5"]
-- => ["20.00","-20.00","20.001","1.5"]
-- => [null,"-99.99","99.991",null]
-- => ["0.07","-0.01","0.011","10.5"]
-- => [null,null,null,"0.0"]

-- arithmetic with small and single columns
SELECT small + 1, ratio * 2, score * 2 FROM orders ORDER BY id;
-- => [2,1,3]
-- => [3,2.5,-4.5]
-- => [-2,null,null]
-- => [5,4,20000000000]
-- => [6,0,0]

-- bytes, UUIDs and times as values
SELECT ref, raw, at_time, due FROM orders WHERE id <= 3 ORDER BY id;
-- => ["00000000-0000-0000-0000-000000000001",[1,255],28800000000,19754]
-- => ["00000000-0000-0000-0000-000000000002",[],34200000000,19763]
-- => [null,null,null,null]

-- a boolean column as a condition
SELECT id FROM orders WHERE NOT paid OR paid IS NULL ORDER BY id;
-- => ["2"]
-- => ["3"]

-- IS TRUE and IS UNKNOWN never give NULL
SELECT paid IS TRUE, paid IS NOT TRUE, paid IS UNKNOWN FROM orders ORDER BY id;
-- => [true,false,false]
-- => [false,true,false]
-- => [false,true,true]
-- => [true,false,false]
-- => [true,false,false]

-- ILIKE knows letters beyond ASCII
SELECT id FROM orders WHERE customer ILIKE 'é%' OR lower(customer) = 'bob' ORDER BY id;
-- => ["2"]
-- => ["5"]

-- a key that is not there
SELECT id FROM orders WHERE id = 42;
-- => (no rows)

-- two columns of one name
SELECT 1 AS a, 2 AS a;
-- => ["1","2"]

-- text compares by code point, blanks count
SELECT 'a' < 'B', 'Z' < 'a', 'é' > 'z', 'a' < 'aa', 'a ' = 'a';
-- => [false,true,true,true,false]

-- NULL swallows operators, AND false does not
SELECT NULL || 'a', NULL + 1, NULL AND false, '' IS NULL;
-- => [null,null,false,false]

-- a remainder has the sign of its dividend
SELECT 5.0 % 3, -5 % 3, 5 % -3, mod(-5.5, 2);
-- => ["2.0",-2,2,"-1.5"]

-- operators of one rank go from the left
SELECT 10 / 4 * 4.0, 10 * 4 / 4;
-- => ["8.0",10]

-- precedence
SELECT 2 + 3 * 4, (2 + 3) * 4, NOT true OR true;
-- => [14,20,true]

-- rounding towards and away from zero
SELECT floor(-0.5), ceil(-0.5), round(-0.5), round(0.5);
-- => ["-1","0","-1","1"]

-- patterns match the whole text, escapes their next letter
SELECT 'abc' LIKE 'a_c', '' LIKE '%', NULL LIKE 'a', 'a\b' LIKE 'a\\b', E'a\nb' LIKE 'a_b', '日本' LIKE '_本';
-- => [true,true,null,true,true,true]

-- substrings outside the text are cut to it
SELECT substring('abc', 0, 2), substring('abc', -1, 3), substring('abc', 2, 0), substring('abc' from 10);
-- => ["a","a","",""]

-- padding also cuts
SELECT lpad('abc', 2), rpad('abc', 5, 'xy'), repeat('a', 0), repeat('a', -1);
-- => ["ab","abcxy","",""]

-- a part that is not there is empty
SELECT split_part('abc', ',', 1), split_part('abc', ',', 2), replace('aaa', 'a', ''), replace('abc', '', 'x');
-- => ["abc","","","abc"]

-- words begin after anything that is no letter or digit
SELECT initcap('foo-bar baz_qux 1abc'), reverse('añb');
-- => ["Foo-Bar Baz_Qux 1abc","bña"]

-- trimming one end
SELECT trim(leading '0' from '007'), trim(trailing from 'x  '), trim('abcxa', 'a');
-- => ["7","x","bcx"]

-- an empty text is found first
SELECT position('' in 'abc'), strpos('', 'a'), ascii(''), ascii('é'), chr(233);
-- => [1,0,0,233,"é"]

-- formats with names, padding and text
SELECT to_char('2024-07-04 00:05:06.789'::timestamp, 'HH12:MI:SS.MS am'), to_char('2024-07-04'::date, 'Day Month DDD Q WW IW'), to_char('2024-07-04'::date, '"on" FMDDth');
-- => ["12:05:06.789 am","Thursday  July      186 3 27 27","on 4th"]

-- centuries end with their hundredth year
SELECT extract(century FROM '2000-12-31'::date), extract(millennium FROM '2001-01-01'::date), extract(isoyear FROM '2024-12-30'::date), extract(hour FROM '10:20'::time);
-- => [20,3,2025,10]

-- 29 February a year later is the 28th
SELECT '2024-02-29'::date + interval '1 year', '2024-03-31'::timestamp - interval '1 month';
-- => [1740700800000000,1709164800000000]

-- weeks and days add up
SELECT '2024-01-01'::date - interval '1 week 2 days', now() - interval '1 day' < now();
-- => [1703289600000000,true]

-- a date is midnight beside a timestamp
SELECT date '2024-01-01' > timestamp '2023-12-31 23:00', date '2024-01-01' = timestamp '2024-01-01';
-- => [true,true]

-- typed literals
SELECT date '2024-01-01', time '10:00', int '5', float8 '1.5';
-- => [19723,36000000000,5,1.5]

-- fractions past the microsecond round up into the next year
SELECT '2024-12-31 23:59:59.9999999'::timestamp, '0001-01-01'::date, '9999-12-31 23:59:59'::timestamp;
-- => [1735689600000000,-719162,253402300799000000]

-- JSON null is NULL as text and a value as JSON
SELECT '{"a":null}'::jsonb->>'a', '{"a":null}'::jsonb->'a', '[1,2]'::jsonb->-1, '[1,2]'::jsonb->5;
-- => [null,"null","2",null]

-- the last of two equal members counts
SELECT '{"a":1,"a":2}'::jsonb->>'a';
-- => ["2"]

-- ways to say true and false
SELECT 'yes'::boolean, 'off'::boolean, '1'::boolean, true = 't', true > false, true::int, 0::boolean;
-- => [true,false,true,true,true,1,false]

-- numbers with blanks, signs and exponents
SELECT ' 12 '::int, '+5'::int, '1e3'::float8, '.5'::numeric::float8;
-- => [12,5,1000,0.5]

-- char(n) and varchar(n) cut
SELECT 'abc'::char(2), 'abcdef'::varchar(3) || '|';
-- => ["ab","abc|"]

-- CASE evaluates only what it takes
SELECT CASE WHEN true THEN 1 ELSE 1 / 0 END, coalesce(1, 1 / 0);
-- => [1,1]

-- CASE with NULL
SELECT CASE WHEN NULL THEN 1 ELSE 2 END, CASE NULL WHEN NULL THEN 1 ELSE 2 END, CASE WHEN false THEN 1 END;
-- => [2,2,null]

-- NOT IN a list with NULL is never true
SELECT 1 IN (1, 2, NULL), 3 IN (1, 2, NULL), NULL IN (1), 3 NOT IN (SELECT NULL::int);
-- => [true,null,null,null]

-- EXISTS asks for rows, not values
SELECT EXISTS (SELECT 1 WHERE false), NOT EXISTS (SELECT 1), EXISTS (SELECT NULL);
-- => [false,false,true]

-- BETWEEN with an unknown bound
SELECT 2 BETWEEN 1 AND NULL, 0 BETWEEN 1 AND NULL, 'b' BETWEEN 'a' AND 'c';
-- => [null,false,true]

-- UNION and UNION ALL in a row go from the left
SELECT count(*) FROM (SELECT 1 UNION SELECT 1 UNION ALL SELECT 1) x;
-- => ["2"]

-- a NULL branch takes the other's type
SELECT 1, 'a' UNION ALL SELECT NULL, NULL ORDER BY 1;
-- => [1,"a"]
-- => [null,null]

-- NULLS LAST with a limit
SELECT x FROM (VALUES (3), (1), (NULL), (2)) v(x) ORDER BY x DESC NULLS LAST LIMIT 2;
-- => [3]
-- => [2]

-- aggregates of text
SELECT max(x), min(x), string_agg(x, NULL), string_agg(NULL, ','), string_agg(x, '') FROM (VALUES ('b'), ('A')) v(x);
-- => ["b","A","bA",null,"bA"]

-- string_agg ordered and filtered
SELECT string_agg(x::text, ',' ORDER BY x DESC) FILTER (WHERE x > 1) FROM (VALUES (1), (2), (3)) v(x);
-- => ["3,2"]

-- a whole frame and a growing one
SELECT x, nth_value(x, 2) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), last_value(x) OVER (ORDER BY x) FROM (VALUES (1), (2), (3)) v(x) ORDER BY x;
-- => [1,2,1]
-- => [2,2,2]
-- => [3,2,3]

-- frames by value and by group
SELECT x, sum(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING), count(*) OVER (ORDER BY x GROUPS 1 PRECEDING) FROM (VALUES (1), (2), (4), (4)) v(x) ORDER BY x;
-- => [1,"3","1"]
-- => [2,"3","2"]
-- => [4,"8","3"]
-- => [4,"8","3"]

-- a frame that leaves rows out
SELECT x, sum(x) OVER (ORDER BY x ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING EXCLUDE CURRENT ROW) FROM (VALUES (1), (2), (3)) v(x) ORDER BY x;
-- => [1,"5"]
-- => [2,"3"]
-- => [3,null]

-- ordering groups by an aggregate
SELECT grp, max(x) - min(x) FROM (VALUES ('a', 1), ('a', 5), ('b', 2)) v(grp, x) GROUP BY grp ORDER BY max(x) - min(x) DESC;
-- => ["a",4]
-- => ["b",0]

-- HAVING without GROUP BY may drop the only row
SELECT count(*) FROM orders HAVING count(*) > 100;
-- => (no rows)

-- an output name in ORDER BY hides the column
SELECT customer AS id FROM orders ORDER BY id;
-- => ["ann"]
-- => ["ann"]
-- => ["bob"]
-- => ["cy"]
-- => ["Émile"]

-- NATURAL JOIN and USING merge their columns
SELECT * FROM (VALUES (1, 2)) a(x, y) NATURAL JOIN (VALUES (1, 3)) b(x, z);
-- => [1,2,3]

-- columns of VALUES have names
SELECT column1, column2 FROM (VALUES (1, 2)) a;
-- => [1,2]

-- one common table expression from another
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a, b;
-- => [1,2]

-- 64-bit numbers are exact
WITH RECURSIVE t(n, f) AS (VALUES (1, 1::bigint) UNION ALL SELECT n + 1, f * (n + 1) FROM t WHERE n < 20) SELECT f FROM t WHERE n = 20;
-- => ["2432902008176640000"]

-- a path through a tree
WITH RECURSIVE tree(id, path) AS (SELECT 1, 'r' UNION ALL SELECT id + 1, path || '/' || (id + 1)::text FROM tree WHERE id < 3) SELECT path FROM tree ORDER BY id;
-- => ["r"]
-- => ["r/2"]
-- => ["r/2/3"]

-- a common table expression hides a table
WITH orders AS (SELECT 1 AS id) SELECT id FROM orders;
-- => [1]

-- rows in a sub-query
SELECT name FROM customers WHERE (name, vip) IN (SELECT customer, paid FROM orders) ORDER BY 1;
-- => ["ann"]
-- => ["bob"]

-- ordering by a sub-query
SELECT name FROM customers ORDER BY (SELECT count(*) FROM orders WHERE customer = name) DESC, name;
-- => ["ann"]
-- => ["bob"]
-- => ["dan"]

-- HAVING against a sub-query
SELECT customer, max(amount) FROM orders GROUP BY customer HAVING max(amount) > (SELECT avg(amount) FROM orders);
-- => ["ann","99.99"]

-- names fold to lower case, quoted or not they are found
SELECT ID FROM ORDERS WHERE "customer" = 'bob';
-- => ["2"]

-- a name with its namespace
SELECT shop.orders.id FROM shop.orders WHERE shop.orders.id = 1;
-- => ["1"]

-- comments nest
SELECT /* hi /* there */ */ 1 -- x;
-- => ["1"]

-- an integer key against numbers and text
SELECT id FROM orders WHERE id = 1.0 OR id = '2' OR id IN ('3', '4') OR id > 9223372036854775806 ORDER BY id;
-- => ["1"]
-- => ["2"]
-- => ["3"]
-- => ["4"]

-- no integer is one and a half
SELECT id FROM orders WHERE id = 1.5;
-- => (no rows)

-- a bound of a day leaves out its afternoon
SELECT id FROM orders WHERE placed BETWEEN '2024-01-01' AND '2024-01-20' ORDER BY id;
-- => ["1"]

-- a column cast in a condition
SELECT id FROM orders WHERE placed::date = '2024-01-20' OR qty::text LIKE '%7%' ORDER BY id;
-- => ["2"]
-- => ["4"]

-- a field in a condition
SELECT id FROM orders WHERE extract(month FROM placed) = 1 AND at_time BETWEEN '08:00' AND '09:30' ORDER BY id;
-- => ["1"]
-- => ["2"]

-- conditions compare with booleans
SELECT id FROM orders WHERE (qty > 1) = paid ORDER BY id;
-- => ["1"]
-- => ["2"]
-- => ["4"]

-- bytes compare, and count
SELECT id, octet_length(raw), length(raw) FROM orders WHERE raw = '\x01ff';
-- => ["1",2,2]

-- a row as often as on both sides
SELECT customer FROM orders INTERSECT ALL SELECT customer FROM (VALUES ('ann'), ('ann'), ('ann'), ('cy')) AS v (customer) ORDER BY 1;
-- => ["ann"]
-- => ["ann"]
-- => ["cy"]

-- a row as often as it is left over, NULLs being equal
SELECT qty FROM (VALUES (1), (1), (NULL), (NULL), (2)) AS v (qty) EXCEPT ALL SELECT qty FROM (VALUES (1), (NULL)) AS w (qty) ORDER BY qty NULLS FIRST;
-- => [null]
-- => [1]
-- => [2]

-- ALL beside the plain operators
SELECT 1 UNION ALL SELECT 1 EXCEPT ALL SELECT 1;
-- => ["1"]

-- the newest of each customer
SELECT DISTINCT ON (customer) customer, id, placed::text FROM orders ORDER BY customer, placed DESC NULLS LAST;
-- => ["ann","3","2024-02-29 00:00:00"]
-- => ["bob","2","2024-01-20 23:59:59.5"]
-- => ["cy","4","2024-03-31 12:00:00"]
-- => ["Émile","5",null]

-- a DISTINCT ON by position, with a limit
SELECT DISTINCT ON (1) paid, id FROM orders ORDER BY 1, id DESC LIMIT 2;
-- => [false,"2"]
-- => [true,"5"]

-- DISTINCT ON without ORDER BY sorts by its expressions
SELECT DISTINCT ON (qty IS NULL) qty IS NULL FROM orders;
-- => [false]
-- => [true]

-- DISTINCT ON over groups
SELECT DISTINCT ON (vip) vip, city, count(*) FROM customers GROUP BY vip, city ORDER BY vip, count(*) DESC, city;
-- => [false,"Rome","1"]
-- => [true,"Paris","1"]

-- DISTINCT ON in a sub-query
SELECT count(*) FROM (SELECT DISTINCT ON (customer, paid) customer FROM orders) AS d;
-- => ["5"]

-- a series of numbers
SELECT * FROM generate_series(1, 5);
-- => [1]
-- => [2]
-- => [3]
-- => [4]
-- => [5]

-- a series downwards, with a name
SELECT n, n * n AS square FROM generate_series(5, 1, -2) AS n ORDER BY n;
-- => [1,1]
-- => [3,9]
-- => [5,25]

-- a series that is empty, and one of one
SELECT (SELECT count(*) FROM generate_series(2, 1)), (SELECT count(*) FROM generate_series(2, 2)), (SELECT count(*) FROM generate_series(1, NULL));
-- => ["0","1","0"]

-- days of a month
SELECT d::date::text FROM generate_series('2024-02-27'::date, '2024-03-02', interval '1 day') AS d;
-- => ["2024-02-27"]
-- => ["2024-02-28"]
-- => ["2024-02-29"]
-- => ["2024-03-01"]
-- => ["2024-03-02"]

-- months have different lengths
SELECT t::text FROM generate_series('2024-01-31'::timestamp, '2024-05-01'::timestamp, interval '1 month') AS g (t);
-- => ["2024-01-31 00:00:00"]
-- => ["2024-02-29 00:00:00"]
-- => ["2024-03-29 00:00:00"]
-- => ["2024-04-29 00:00:00"]

-- hours backwards
SELECT t::text FROM generate_series('2024-01-01 02:00'::timestamp, '2024-01-01'::timestamp, interval '-1 hour') AS t;
-- => ["2024-01-01 02:00:00"]
-- => ["2024-01-01 01:00:00"]
-- => ["2024-01-01 00:00:00"]

-- every day with what was ordered on it
SELECT d::date::text, count(o.id) FROM generate_series('2024-01-14'::timestamp, '2024-01-16'::timestamp, interval '1 day') AS d LEFT JOIN orders AS o ON o.placed::date = d::date GROUP BY d ORDER BY d;
-- => ["2024-01-14","0"]
-- => ["2024-01-15","1"]
-- => ["2024-01-16","0"]

-- numbered rows of a function
SELECT * FROM generate_series(10, 30, 10) WITH ORDINALITY AS g (value, place);
-- => [10,"1"]
-- => [20,"2"]
-- => [30,"3"]

-- a series as long as a column of the row before it says
SELECT o.id, n FROM orders AS o, generate_series(1, o.qty) AS n WHERE o.qty < 4 ORDER BY o.id, n;
-- => ["1",1]
-- => ["1",2]
-- => ["1",3]
-- => ["2",1]

-- elements of a JSON array of each row
SELECT o.id, tag FROM orders AS o, jsonb_array_elements_text(o.info -> 'tags') AS tag WHERE o.id < 3 ORDER BY o.id, tag;
-- => ["1","x"]
-- => ["1","y"]

-- LEFT JOIN keeps the rows without elements
SELECT o.id, t.value FROM orders AS o LEFT JOIN LATERAL jsonb_array_elements_text(o.info -> 'tags') AS t ON true WHERE o.id IN (1, 2, 4) ORDER BY o.id, t.value;
-- => ["1","x"]
-- => ["1","y"]
-- => ["2",null]
-- => ["4",null]

-- elements as JSON
SELECT value, jsonb_typeof(value) FROM jsonb_array_elements('[1, "a", null, {"b": 2}, [3]]');
-- => ["1","number"]
-- => ["\"a\"","string"]
-- => ["null","null"]
-- => ["{\"b\": 2}","object"]
-- => ["[3]","array"]

-- null is NULL as text
SELECT value FROM json_array_elements_text('["a", null, 1.50]');
-- => ["a"]
-- => [null]
-- => ["1.50"]

-- members of an object
SELECT key, value FROM jsonb_each('{"a": 1, "b": "x"}') ORDER BY key;
-- => ["a","1"]
-- => ["b","\"x\""]

-- members as text
SELECT * FROM json_each_text('{"a": [1], "b": null}') ORDER BY key DESC;
-- => ["b",null]
-- => ["a","[1]"]

-- keys
SELECT k FROM jsonb_object_keys('{"b": 1, "a": 2}') AS k ORDER BY k;
-- => ["a"]
-- => ["b"]

-- the alias of a function of one value is the value
SELECT e ->> 'n' AS n FROM jsonb_array_elements('[{"n": 1}, {"n": 2}]') AS e WHERE (e ->> 'n')::int > 1;
-- => ["2"]

-- an array unnested
SELECT u * 2 FROM unnest(ARRAY[3, 1, 2]) AS u ORDER BY u;
-- => [2]
-- => [4]
-- => [6]

-- an array of text, numbered
SELECT * FROM unnest('{a,"b c",NULL}'::text[]) WITH ORDINALITY AS u (word, place);
-- => ["a","1"]
-- => ["b c","2"]
-- => [null,"3"]

-- an array of columns
SELECT o.id, v FROM orders AS o, unnest(ARRAY[o.qty, o.small::int]) AS v WHERE o.id < 3 ORDER BY o.id, v;
-- => ["1",1]
-- => ["1",3]
-- => ["2",1]
-- => ["2",2]

-- a set of rows as a table
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS v (n, word) ORDER BY n DESC;
-- => [2,"two"]
-- => [1,"one"]

-- a join with VALUES
SELECT o.id, v.label FROM orders AS o JOIN (VALUES ('ann', 'A'), ('bob', 'B')) AS v (name, label) ON v.name = o.customer ORDER BY o.id;
-- => ["1","A"]
-- => ["2","B"]
-- => ["3","A"]

-- the two largest of each, by LATERAL
SELECT c.name, top.id, top.amount::text FROM customers AS c CROSS JOIN LATERAL (SELECT o.id, o.amount FROM orders AS o WHERE o.customer = c.name ORDER BY o.amount DESC LIMIT 1) AS top ORDER BY c.name;
-- => ["ann","3","99.99"]
-- => ["bob","2","20.00"]

-- LEFT JOIN LATERAL keeps who has none
SELECT c.name, t.n, t.total::text FROM customers AS c LEFT JOIN LATERAL (SELECT count(*) AS n, sum(o.amount) AS total FROM orders AS o WHERE o.customer = c.name HAVING count(*) > 0) AS t ON true ORDER BY c.name;
-- => ["ann","2","110.49"]
-- => ["bob","1","20.00"]
-- => ["dan",null,null]

-- values of every type come out of LATERAL as they are
SELECT o.id, x.score, x.ratio, x.ref::text, encode(x.raw, 'hex'), x.placed::text, x.paid, x.info ->> 'a' FROM orders AS o, LATERAL (SELECT o.score, o.ratio, o.ref, o.raw, o.placed, o.paid, o.info) AS x ORDER BY o.id;
-- => ["1",1.5,0.5,"00000000-0000-0000-0000-000000000001","01ff","2024-01-15 10:30:00",true,"1"]
-- => ["2",-2.25,1.25,"00000000-0000-0000-0000-000000000002","","2024-01-20 23:59:59.5",false,"2"]
-- => ["3",null,null,null,null,"2024-02-29 00:00:00",null,"text"]
-- => ["4",10000000000,2,"ffffffff-ffff-ffff-ffff-ffffffffffff",null,"2024-03-31 12:00:00",true,null]
-- => ["5",0,0,null,null,null,true,null]

-- a LATERAL that uses another
SELECT o.id, b.y FROM orders AS o, LATERAL (SELECT o.qty + 1 AS x) AS a, LATERAL (SELECT a.x * 2 AS y) AS b WHERE o.qty IS NOT NULL ORDER BY o.id;
-- => ["1",8]
-- => ["2",4]
-- => ["4",16]
-- => ["5",2]

-- LATERAL inside a sub-query that uses a column of the query around
SELECT o.id, (SELECT sum(v.n) FROM generate_series(1, o.qty) AS g, LATERAL (SELECT g * o.qty AS n) AS v) FROM orders AS o ORDER BY o.id;
-- => ["1","18"]
-- => ["2","1"]
-- => ["3",null]
-- => ["4","196"]
-- => ["5",null]

-- LATERAL on the right of several joins
SELECT o.id, c.city, t.v FROM orders AS o LEFT JOIN customers AS c ON c.name = o.customer LEFT JOIN LATERAL (SELECT upper(c.city) || o.id AS v WHERE c.city IS NOT NULL) AS t ON true ORDER BY o.id;
-- => ["1","Paris","PARIS1"]
-- => ["2","Rome","ROME2"]
-- => ["3","Paris","PARIS3"]
-- => ["4",null,null]
-- => ["5",null,null]

-- groups by what a function gives
SELECT tag, count(*) FROM orders AS o, jsonb_array_elements_text(CASE WHEN jsonb_typeof(o.info -> 'tags') = 'array' THEN o.info -> 'tags' ELSE '["none"]' END) AS tag GROUP BY tag ORDER BY tag;
-- => ["none","3"]
-- => ["x","1"]
-- => ["y","1"]

-- one of a list
SELECT id FROM orders WHERE id = ANY (ARRAY[1, 3]) AND customer = ANY ('{ann,cy}') ORDER BY id;
-- => ["1"]
-- => ["3"]

-- none of a list, with a cast
SELECT id FROM orders WHERE id <> ALL ('{1,2}'::bigint[]) ORDER BY id;
-- => ["3"]
-- => ["4"]
-- => ["5"]

-- above all, below any
SELECT id FROM orders WHERE qty > ALL (ARRAY[0, 2]) OR qty < ANY ('{1,0}'::int[]) ORDER BY id;
-- => ["1"]
-- => ["4"]
-- => ["5"]

-- a NULL in the list leaves it open
SELECT 1 = ANY (ARRAY[2, NULL]) IS NULL, 1 = ANY ('{1,NULL}'::int[]), 1 <> ALL ('{}'::int[]);
-- => [true,true,true]

-- a cross join beside joins
SELECT count(*) FROM customers AS a, customers AS b LEFT JOIN orders AS o ON o.customer = b.name, generate_series(1, 2) AS g;
-- => ["24"]

-- scalar function as a table
SELECT * FROM upper('x') AS u;
-- => ["X"]

-- VALUES with columns of the query around
SELECT o.id, (SELECT max(v.x) FROM (VALUES (o.qty), (o.small::int)) AS v (x)) FROM orders AS o ORDER BY o.id;
-- => ["1",3]
-- => ["2",2]
-- => ["3",-3]
-- => ["4",7]
-- => ["5",5]

-- LATERAL VALUES
SELECT o.id, v.x FROM orders AS o, LATERAL (VALUES (o.qty), (o.small::int + 10)) AS v (x) WHERE o.id < 3 ORDER BY o.id, v.x;
-- => ["1",3]
-- => ["1",11]
-- => ["2",1]
-- => ["2",12]

-- a sign before anything that is a number
SELECT + qty, - + qty, qty + + 2, pg_typeof(+ small) FROM orders WHERE id = 1;
-- => [3,-3,5,"smallint"]

-- AND and OR do not look at what an earlier operand has made needless, also where they are values
SELECT id, qty <> 0 AND 10 / qty > 1, qty = 0 OR 10 / qty > 1, NOT (qty <> 0 AND 10 / qty > 1) FROM orders WHERE id <> 3 ORDER BY id;
-- => ["1",true,true,false]
-- => ["2",true,true,false]
-- => ["4",false,false,true]
-- => ["5",false,true,true]

-- what is grouped by is such a value too
SELECT qty <> 0 AND 10 / qty > 1, count(*) FROM orders WHERE id <> 3 GROUP BY qty <> 0 AND 10 / qty > 1 ORDER BY 1;
-- => [false,"2"]
-- => [true,"2"]

-- NULL AND …: the second operand decides
SELECT qty > 1 AND length(customer) > 5, qty > 1 OR length(customer) = 3 FROM orders WHERE id = 3;
-- => [false,true]

-- several functions that return rows go side by side, NULL where one has no more
SELECT generate_series(1, 3) AS a, unnest(ARRAY['x', 'y']) AS b, id FROM orders WHERE id = 1;
-- => [1,"x","1"]
-- => [2,"y","1"]
-- => [3,null,"1"]

-- for each row of FROM
SELECT id, generate_series(1, qty) AS n, jsonb_array_elements_text(info -> 'tags') AS tag FROM orders WHERE id < 3 ORDER BY id, n;
-- => ["1",1,"x"]
-- => ["1",2,"y"]
-- => ["1",3,null]
-- => ["2",1,null]

-- ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(7, 9), jsonb_each_text('{"k": "v"}')) WITH ORDINALITY AS t (a, b, k, v, n);
-- => [1,7,"k","v","1"]
-- => [2,8,null,null,"2"]
-- => [null,9,null,null,"3"]

-- unnest of several arrays
SELECT o.id, u.* FROM orders AS o, unnest(ARRAY[o.qty, 0], ARRAY['only']) AS u (n, t) WHERE o.id < 3 ORDER BY o.id, n DESC;
-- => ["1",3,"only"]
-- => ["1",0,null]
-- => ["2",1,"only"]
-- => ["2",0,null]

-- JSON paths over rows, in FROM, in the SELECT list and as conditions
SELECT id, jsonb_path_query(info, '$.tags[*]') FROM orders ORDER BY id;
-- => ["1","\"x\""]
-- => ["1","\"y\""]

-- the items of each row beside it
SELECT o.id, p FROM orders AS o, jsonb_path_query(o.info, '$.* ? (@.type() == "string" || @.type() == "number")') AS p ORDER BY o.id, p::text;
-- => ["1","\"x\""]
-- => ["1","\"y\""]
-- => ["1","1"]
-- => ["2","2"]
-- => ["3","\"text\""]

-- as conditions
SELECT id FROM orders WHERE info @? '$.tags ? (@ == "x")' OR info @@ '$.a == 2' ORDER BY id;
-- => ["1"]
-- => ["2"]

-- HAVING alone makes one group of all rows, of no rows too
SELECT 'many' AS verdict FROM orders HAVING count(*) > 2;
-- => ["many"]

-- … which may be what it asks for
SELECT 'none' FROM orders WHERE id > 100 HAVING count(*) = 0;
-- => ["none"]

-- string_agg of distinct texts comes out sorted, without NULL
SELECT string_agg(DISTINCT customer, ', '), string_agg(DISTINCT customer, '') FILTER (WHERE id < 4), string_agg(DISTINCT nullif(customer, customer), ','), string_agg(DISTINCT customer, '-' ORDER BY customer DESC) FROM orders WHERE id < 5;
-- => ["ann, bob, cy","annbob",null,"cy-bob-ann"]

-- an interval among the outputs sorts by itself, not by a column of FROM in the same place
SELECT -a, b * INTERVAL '1 day' FROM (VALUES (1, 2), (5, 1), (3, NULL)) AS t (a, b) ORDER BY 2;
-- => [-5,"1 day"]
-- => [-1,"2 days"]
-- => [-3,null]

-- nor are two such columns in doubt
SELECT t.a, u.b * INTERVAL '1 hour' FROM (VALUES (1, 0)) AS t (a, z), (VALUES (0, 2), (0, 1)) AS u (y, b) ORDER BY 2 NULLS FIRST, 1;
-- => [1,"01:00:00"]
-- => [1,"02:00:00"]

-- a quoted number beside decimals keeps its fraction digits, and its digits before the point
SELECT id, amount = '10.504', amount < '10.504', amount <= '99999999999999', amount IN ('20.001', '99.99'), amount BETWEEN '10.499' AND '10.501' FROM orders WHERE amount > '0.0100' ORDER BY id;
-- => ["1",false,true,true,false,true]
-- => ["2",false,false,true,false,false]
-- => ["3",false,false,true,true,false]

-- … in arrays, before sub-queries and among values too
SELECT id, amount = ANY ('{10.504}'), amount <> ALL ('{10.5,20.001}'), greatest(amount, '10.504'), '20.001' IN (SELECT o.amount FROM orders AS o WHERE o.id < 3) FROM orders WHERE id < 3 ORDER BY id;
-- => ["1",false,false,"10.504",false]
-- => ["2",false,true,"20.000",false]
