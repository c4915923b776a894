// P11: 10,000 buffered rows (without a flush policy nothing is flushed): four aggregates, joins, and deletes of 100 rows by a column that is no key, over HTTP, beside bare SQLite on the same rows in this process.
import { Database } from "bun:sqlite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestUser } from "../../test/support/test-server.ts";
import { compare, type ReportRow } from "./report.ts";
import type { BenchSize, LoadCase } from "./rounds.ts";
import { ServerSide } from "./side.ts";
import { spreadOf } from "./stats.ts";
import { TimedQueries } from "./timed-query.ts";

const ROWS = 10_000;
const ROWS_PER_STATEMENT = 1_000;
const BUCKET_ROWS = 100;
const CUSTOMERS = 200;
const ORDERS = 1_000;
const RUNS = 9;
const VALUES = 5;

const TABLES = [
  "CREATE SHARED TABLE bench.sales (id INT PRIMARY KEY, region TEXT, product TEXT, quantity INT, price INT)",
  "CREATE SHARED TABLE bench.customers (id INT PRIMARY KEY, name TEXT, tier TEXT)",
  "CREATE SHARED TABLE bench.orders (id INT PRIMARY KEY, customer_id INT, amount INT, status TEXT)",
  "CREATE SHARED TABLE bench.buckets (id INT PRIMARY KEY, bucket INT, payload TEXT)",
];

type Make = (id: number) => string;
const REGIONS = ["us-east", "us-west", "eu-west", "eu-north", "ap-south"];
const sale: Make = (id) =>
  `(${id}, '${REGIONS[id % VALUES]}', 'product ${(id * 3) % VALUES}', ${(id * 7) % 100}, ${(id * 13) % 1_000})`;
const customer: Make = (id) => `(${id}, 'customer ${id}', '${["gold", "silver", "bronze"][id % 3]}')`;
const order: Make = (id) =>
  `(${id}, ${(id * 7) % CUSTOMERS}, ${(id * 31) % 1_000}, '${["shipped", "open", "returned"][id % 3]}')`;
const bucket: Make = (id) => `(${id}, ${id % (ROWS / BUCKET_ROWS)}, 'payload of row ${id}')`;

interface Question {
  readonly name: string;
  /** `n` differs from run to run. */
  readonly sql: (n: number) => string;
  readonly atMostMs: number;
}

const aggregate = (name: string, sql: string): Question => ({
  name,
  sql: (n) => sql.replace("$n", `${n}`),
  atMostMs: 5,
});

const QUESTIONS: readonly Question[] = [
  aggregate(
    "count, sum, average by region",
    "SELECT region, count(*) + $n AS n, sum(quantity) AS total, avg(price) AS mean FROM bench.sales GROUP BY region ORDER BY total DESC",
  ),
  aggregate(
    "sum of products by product and region",
    "SELECT product, region, sum(quantity * price) + $n AS revenue FROM bench.sales GROUP BY product, region ORDER BY revenue DESC LIMIT 10",
  ),
  aggregate(
    "sum, min, max of one region by product",
    "SELECT product, sum(quantity) + $n AS total, min(price) AS low, max(price) AS high FROM bench.sales WHERE region = 'us-east' GROUP BY product",
  ),
  aggregate(
    "regions with more than 1,000 rows",
    "SELECT region, count(*) AS n FROM bench.sales GROUP BY region HAVING count(*) > 1000 + $n ORDER BY n DESC",
  ),
  aggregate(
    "join with sums by tier",
    "SELECT c.tier, sum(o.amount) + $n AS total FROM bench.orders o JOIN bench.customers c ON o.customer_id = c.id GROUP BY c.tier ORDER BY total DESC",
  ),
  aggregate(
    "join, shipped, top 20",
    "SELECT o.id, c.name, o.amount FROM bench.orders o JOIN bench.customers c ON o.customer_id = c.id WHERE o.status = 'shipped' AND o.amount > $n ORDER BY o.amount DESC LIMIT 20",
  ),
  { name: "delete of 100 rows by no key", sql: (n) => `DELETE FROM bench.buckets WHERE bucket = ${n}`, atMostMs: 3 },
];

async function fill(run: (sql: string) => unknown): Promise<void> {
  const tables: readonly (readonly [string, number, Make])[] = [
    ["sales", ROWS, sale],
    ["customers", CUSTOMERS, customer],
    ["orders", ORDERS, order],
    ["buckets", ROWS, bucket],
  ];
  for (const [name, count, make] of tables) {
    for (let start = 0; start < count; start += ROWS_PER_STATEMENT) {
      const rows = Array.from({ length: Math.min(ROWS_PER_STATEMENT, count - start) }, (_unused, at) =>
        make(start + at),
      );
      await run(`INSERT INTO bench.${name} VALUES ${rows.join(", ")}`);
    }
  }
}

/** The same tables and texts as SQLite has them. */
function bareText(sql: string): string {
  return sql.replace("CREATE SHARED TABLE", "CREATE TABLE").replaceAll("bench.", "");
}

async function openBare(folder: string): Promise<Database> {
  const db = new Database(join(folder, "bare.sqlite"));
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  for (const table of TABLES) db.run(bareText(table));
  await fill((sql) => db.run(bareText(sql)));
  return db;
}

/** Median of a few runs, each with another value. */
async function measure(first: number, run: (n: number) => unknown): Promise<number> {
  const times: number[] = [];
  for (let n = first; n < first + RUNS; n += 1) {
    const startedAt = performance.now();
    await run(n);
    times.push(performance.now() - startedAt);
  }
  return spreadOf(times).median;
}

async function runBuffered(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  const root: TestUser = server.root;
  for (const table of TABLES) await root.sql(table);
  await fill((sql) => root.sql(sql));
  using queries = await TimedQueries.open(`http://127.0.0.1:${server.target.port}`, root.token);
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-bare-"));
  const bare = await openBare(folder);
  const rows: ReportRow[] = [];
  size.noise.begin();
  for (const { name, sql, atMostMs } of QUESTIONS) {
    const ours: number[] = [];
    const ceiling: number[] = [];
    for (let round = 0; round < size.rounds; round += 1) {
      const first = 1 + round * RUNS;
      ours.push(await measure(first, (n) => queries.run(sql(n))));
      ceiling.push(await measure(first, (n) => bare.query(bareText(sql(n))).all()));
    }
    const common = { id: "P11", question: name, unit: "ms", target: "any", faults: [] } as const;
    rows.push(compare({ ...common, ours, ceiling, oursAtMost: atMostMs }));
  }
  size.noise.end();
  bare.close();
  await rm(folder, { recursive: true });
  return rows;
}

export const BUFFERED_QUERY_CASES: readonly LoadCase[] = [
  { id: "P11", question: "10,000 buffered rows: aggregates, joins, deletes", run: runBuffered },
];
