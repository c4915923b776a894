// Writes test/sqllogic/generated.slt: random queries over small tables, with PostgreSQL's answers. Run by hand, with a PostgreSQL to ask:
//   bun test/sqllogic/generate.ts "psql -h /tmp -U postgres postgres" > test/sqllogic/generated.slt
import { answerOf, valueText } from "./script.ts";

const QUERIES = 800;
const SEED = 20_240_229;

/** mulberry32: small, and the same everywhere. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const random = randomOf(SEED);
const pick = <T>(...items: readonly [T, ...T[]]): T => items[random(items.length)] ?? items[0];

const SETUP = [
  "CREATE TABLE t1 (k INT PRIMARY KEY, a INT, b INT, c TEXT, d DOUBLE PRECISION)",
  "CREATE TABLE t2 (k INT PRIMARY KEY, a INT, b INT, c TEXT, d DOUBLE PRECISION)",
];

function insert(table: string): string {
  const rows = Array.from({ length: 24 }, (_, index) => {
    const a = random(5) === 0 ? "NULL" : String(random(12) - 4);
    const b = random(6) === 0 ? "NULL" : String(random(40));
    const c = random(6) === 0 ? "NULL" : `'${pick("ab", "b", "abc", "zz", "Ab", "", "q_x", "%")}'`;
    const d = random(6) === 0 ? "NULL" : String((random(64) - 20) / 8);
    return `(${index}, ${a}, ${b}, ${c}, ${d})`;
  });
  return `INSERT INTO ${table} VALUES ${rows.join(", ")}`;
}

function integer(alias: string, depth: number): string {
  if (depth === 0) return pick(`${alias}.a`, `${alias}.b`, `${alias}.k`, String(random(9)));
  const [x, y] = [integer(alias, depth - 1), integer(alias, depth - 1)];
  return pick(
    `(${x} + ${y})`,
    `(${x} - ${y})`,
    `(${x} * ${1 + random(3)})`,
    `(${x} / ${1 + random(4)})`,
    `(${x} % ${1 + random(5)})`,
    `abs(${x})`,
    `coalesce(${x}, ${y})`,
    `nullif(${x}, ${y})`,
    `CASE WHEN ${condition(alias, depth - 1)} THEN ${x} ELSE ${y} END`,
    `greatest(${x}, ${y})`,
    `length(${alias}.c)`,
    `(SELECT max(u.a) FROM t2 AS u WHERE u.b < ${x})`,
    `(SELECT count(*)::int FROM t2 AS u WHERE u.a = ${alias}.a)`,
  );
}

function condition(alias: string, depth: number): string {
  const x = integer(alias, Math.max(0, depth - 1));
  const simple = pick(
    `${x} ${pick("<", "<=", ">", ">=", "=", "<>")} ${random(12)}`,
    `${x} BETWEEN ${random(6)} AND ${6 + random(20)}`,
    `${x} IS ${pick("", "NOT ")}NULL`,
    `${x} ${pick("", "NOT ")}IN (${random(9)}, ${random(9)}, ${pick("NULL", "3")})`,
    `${alias}.c ${pick("LIKE", "NOT LIKE", "ILIKE")} '${pick("a%", "%b", "_b", "%", "q\\_%")}'`,
    `${alias}.d ${pick("<", ">", "=")} ${(random(32) - 10) / 4}`,
    `${x} IS DISTINCT FROM ${random(5)}`,
    `EXISTS (SELECT 1 FROM t2 AS u WHERE u.a = ${alias}.a AND u.b > ${random(20)})`,
    `${alias}.a ${pick("", "NOT ")}IN (SELECT u.a FROM t2 AS u WHERE u.b < ${random(15)}${pick("", " AND u.a IS NOT NULL")})`,
    `${alias}.b ${pick("> ALL", "< ANY", "= ANY")} (ARRAY[${random(9)}, ${random(40)}])`,
  );
  if (depth === 0) return simple;
  return pick(
    simple,
    `(${simple} AND ${condition(alias, depth - 1)})`,
    `(${simple} OR ${condition(alias, depth - 1)})`,
    `NOT (${simple})`,
  );
}

function interval(alias: string): string {
  const literal = pick(
    "1 day",
    "36 hours",
    "1 month",
    "1 mon -3 days",
    "90 minutes",
    "-2 days 04:05:06",
    "1 year 2 mons",
  );
  return pick(
    `interval '${literal}'`,
    `(${alias}.a * interval '${literal}')`,
    `(interval '${literal}' * ${random(7) / 2})`,
  );
}

function moment(alias: string): string {
  const start = pick("2024-01-31 10:00", "2024-03-30 23:30", "2023-12-31 12:00:00.5");
  return pick(
    `(timestamp '${start}' + ${alias}.k * interval '7 hours')`,
    `(timestamp '${start}' - ${interval(alias)})`,
  );
}

const ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"] as const;

/** Intervals, time zones, arrays and aggregates over windows. */
function newerQuery(): Query {
  const where = `WHERE ${condition("t", 1)}`;
  const frame = pick("ORDER BY t.k", "ORDER BY t.k ROWS 2 PRECEDING", "PARTITION BY t.a ORDER BY t.k");
  switch (random(6)) {
    case 0:
      return {
        types: "ITT",
        sql: `SELECT t.k, (${moment("t")} + ${interval("t")})::text, (${moment("t")} - ${moment("t")})::text FROM t1 AS t ${where}`,
      };
    case 1:
      return {
        types: "ITT",
        sql: `SELECT t.k, (${interval("t")} ${pick("<", ">=", "=")} ${interval("t")})::text, age(${moment("t")}, ${moment("t")})::text FROM t1 AS t ${where}`,
      };
    case 2:
      return {
        types: "ITT",
        sql: `SELECT t.k, (${moment("t")} AT TIME ZONE '${pick(...ZONES)}')::text, date_trunc('${pick("day", "week", "month")}', ${moment("t")})::text FROM t1 AS t ${where}`,
      };
    case 3:
      return {
        types: "ITT",
        sql: `SELECT t.a, array_agg(t.b ORDER BY t.k)::text, (sum(t.k * interval '1 hour'))::text FROM t1 AS t ${where} GROUP BY t.a`,
      };
    case 4:
      return {
        types: "ITT",
        sql: `SELECT t.k, (ARRAY[t.a, t.b, ${random(9)}] || t.k)::text, (ARRAY[t.a, t.b] ${pick("<", "@>", "&&")} ARRAY[${random(9)}, t.k])::text FROM t1 AS t ${where}`,
      };
    default:
      return {
        types: "ITT",
        sql: `SELECT t.k, (bool_and(t.b > ${random(30)}) OVER (${frame}))::text, (array_agg(t.a) OVER (${frame}))::text FROM t1 AS t ${where}`,
      };
  }
}

interface Query {
  readonly types: string;
  readonly sql: string;
}

function query(): Query {
  const where = `WHERE ${condition("t", 2)}`;
  switch (random(14)) {
    case 0:
      return { types: "IR", sql: `SELECT count(*), avg(t.d) FROM t1 AS t ${where}` };
    case 1:
      return {
        types: "III",
        sql: `SELECT t.a, count(*), sum(t.b) FROM t1 AS t ${where} GROUP BY t.a HAVING count(*) > ${random(3)}`,
      };
    case 2:
      return {
        types: "IIT",
        sql: `SELECT t.k, u.k, u.c FROM t1 AS t ${pick("JOIN", "LEFT JOIN", "FULL JOIN")} t2 AS u ON u.a = t.a AND u.b > ${random(20)}`,
      };
    case 3:
      return {
        types: "I",
        sql: `SELECT ${integer("t", 1)} FROM t1 AS t ${where} ${pick("UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL")} SELECT ${integer("u", 1)} FROM t2 AS u`,
      };
    case 4:
      return {
        types: "II",
        sql: `SELECT t.k, row_number() OVER (PARTITION BY t.a ORDER BY t.b ${pick("", "DESC ")}NULLS ${pick("FIRST", "LAST")}, t.k) FROM t1 AS t ${where}`,
      };
    case 5:
      return {
        types: "II",
        sql: `SELECT DISTINCT ON (t.a) t.a, t.k FROM t1 AS t ${where} ORDER BY t.a, t.b ${pick("ASC", "DESC")}, t.k`,
      };
    case 6:
      return {
        types: "II",
        sql: `SELECT t.k, x.n FROM t1 AS t, LATERAL (SELECT u.k + t.k AS n FROM t2 AS u WHERE u.a >= t.a ORDER BY u.k LIMIT ${1 + random(3)}) AS x ${where}`,
      };
    case 7:
      return { types: "ITR", sql: `SELECT t.k, upper(t.c) || '!', t.d * 2 FROM t1 AS t ${where}` };
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      return newerQuery();
    default:
      return { types: "III", sql: `SELECT ${integer("t", 2)}, ${integer("t", 1)}, t.k FROM t1 AS t ${where}` };
  }
}

function ask(command: readonly string[], sql: string): string[][] | undefined {
  const asked = Bun.spawnSync([
    ...command,
    "-q",
    "-A",
    "-t",
    "-F",
    "\u001f",
    "-R",
    "\u001e",
    "-P",
    "null=\u0001",
    "-v",
    "ON_ERROR_STOP=1",
    "-c",
    sql,
  ]);
  if (asked.exitCode !== 0) return undefined;
  const text = asked.stdout.toString().replace(/\n$/, "");
  return text === "" ? [] : text.split("\u001e").map((row) => row.split("\u001f"));
}

async function main(): Promise<void> {
  const command = (process.argv[2] ?? "psql").split(" ");
  const setup = [...SETUP, insert("t1"), insert("t2")];
  ask(command, "DROP TABLE IF EXISTS t1, t2");
  for (const sql of setup) if (ask(command, sql) === undefined) throw new Error(`PostgreSQL refuses ${sql}`);
  const out = [
    `# Made by test/sqllogic/generate.ts from seed ${SEED}; the answers are PostgreSQL's.`,
    ...setup.map((sql) => `statement ok\n${sql}`),
  ];
  for (let made = 0; made < QUERIES; ) {
    const { types, sql } = query();
    const rows = ask(command, sql);
    if (rows === undefined) continue;
    made += 1;
    const texts = rows.map((row) =>
      row.map((value, index) => valueText(value === "\u0001" ? null : value, types.charAt(index))),
    );
    out.push(`query ${types} rowsort\n${sql}\n----\n${answerOf(texts, "rowsort").join("\n")}`);
  }
  await Bun.write(Bun.stdout, `${out.join("\n\n")}\n`);
}

await main();
