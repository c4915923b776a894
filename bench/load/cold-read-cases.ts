// P10: 200,000 flushed rows in 20 files, over HTTP, beside DuckDB on the same files in this process. Cold is the first query of the table in a server that was
// started a second ago, so that what a start costs is not in it (P18 has that); warm is the same query with other values, so that no answer is had from the one before.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openDuckDb } from "../../test/support/duckdb.ts";
import { ServerProcess } from "../../test/support/server-process.ts";
import { loginToken, TestUser } from "../../test/support/test-server.ts";
import { compare, type ReportRow } from "./report.ts";
import type { BenchSize, LoadCase } from "./rounds.ts";
import { spreadOf } from "./stats.ts";
import { TimedQueries } from "./timed-query.ts";

const FILES = 20;
const ROWS = 200_000;
const ROWS_PER_STATEMENT = 1_000;
const CATEGORIES = 10;
const WARM_RUNS = 5;
const COLD_FACTOR = 4;
/** As long as a server takes to be done with its start, rehearsals included. */
const REST_MS = 1_000;

interface Question {
  readonly name: string;
  /** Of the table, or of the files; `n` differs from run to run. */
  readonly sql: (source: string, n: number) => string;
  readonly warmMs: number;
}

const QUESTIONS: readonly Question[] = [
  { name: "COUNT(*)", sql: (source) => `SELECT count(*) AS n FROM ${source}`, warmMs: 1 },
  {
    name: "filter on a category",
    sql: (source, n) =>
      `SELECT count(*) AS n, sum(amount) AS total FROM ${source} WHERE category = 'category ${n % CATEGORIES}'`,
    warmMs: 15,
  },
  {
    name: "GROUP BY category",
    sql: (source, n) => `SELECT category, count(*) + ${n} AS n FROM ${source} GROUP BY category`,
    warmMs: 30,
  },
  { name: "look-up by key", sql: (source, n) => `SELECT * FROM ${source} WHERE id = ${(n * 7_919) % ROWS}`, warmMs: 3 },
  {
    name: "top 100",
    sql: (source, n) => `SELECT id, body FROM ${source} WHERE amount >= ${n} ORDER BY created_at DESC LIMIT 100`,
    warmMs: 20,
  },
];

const ENV = { KALAMDB_COMPACTION_ENABLED: "false" };

async function signIn(server: ServerProcess): Promise<TestUser> {
  return new TestUser(server.url, "root", await loginToken(server.url, "root", server.password));
}

async function fill(root: TestUser): Promise<void> {
  await root.sql("CREATE NAMESPACE bench");
  await root.sql(
    "CREATE SHARED TABLE bench.events (id BIGINT PRIMARY KEY, category TEXT, amount INT, created_at TIMESTAMP, body TEXT)",
  );
  for (let start = 0; start < ROWS; start += ROWS_PER_STATEMENT) {
    const rows = Array.from({ length: ROWS_PER_STATEMENT }, (_unused, index) => {
      const id = start + index;
      return `(${id}, 'category ${(id * 7) % CATEGORIES}', ${(id * 31) % 1_000}, ${id * 1_000}, 'message ${id} of somebody to somebody else')`;
    });
    await root.sql(`INSERT INTO bench.events VALUES ${rows.join(", ")}`);
    if ((start + ROWS_PER_STATEMENT) % (ROWS / FILES) === 0) await flush(root);
  }
}

async function flush(root: TestUser): Promise<void> {
  await root.sql("STORAGE FLUSH TABLE bench.events");
  for (;;) {
    const { rows = [] } = await root.sql(
      "SELECT count(*) AS n FROM system.jobs WHERE status IN ('pending', 'running')",
    );
    if (String(rows[0]?.[0]) === "0") return;
    await Bun.sleep(20);
  }
}

interface Figures {
  readonly cold: number[];
  readonly warm: number[];
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

async function measure(run: (n: number) => Promise<unknown>, figures: Figures): Promise<void> {
  figures.cold.push(await timed(() => run(1)));
  const warm: number[] = [];
  for (let n = 2; n < 2 + WARM_RUNS; n += 1) warm.push(await timed(() => run(n)));
  figures.warm.push(spreadOf(warm).median);
}

async function runColdReads(size: BenchSize): Promise<readonly ReportRow[]> {
  await using first = await ServerProcess.start({ env: ENV });
  await fill(await signIn(first));
  await first.end();
  const { folder, password } = first;
  const files = readdirSync(join(folder, "storage"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".parquet"),
  );
  if (files.length !== FILES) throw new Error(`${files.length} files, ${FILES} expected`);
  const source = `read_parquet('${join(folder, "storage")}/**/*.parquet')`;
  const rows: ReportRow[] = [];
  size.noise.begin();
  for (const question of QUESTIONS) {
    const ours: Figures = { cold: [], warm: [] };
    const duck: Figures = { cold: [], warm: [] };
    for (let round = 0; round < size.rounds; round += 1) {
      await using server = await ServerProcess.start({ env: ENV, folder, password });
      const root = await signIn(server);
      // A query process is there; nothing of the table is.
      await root.sql("SELECT count(*) AS n FROM system.jobs");
      await Bun.sleep(REST_MS);
      using queries = await TimedQueries.open(server.url, root.token);
      await measure((n) => queries.run(question.sql("bench.events", n)), ours);
      await using other = await openDuckDb();
      await measure((n) => other.rows(question.sql(source, n)), duck);
    }
    rows.push(...reportRows(question, ours, duck));
  }
  size.noise.end();
  return rows;
}

function reportRows({ name, warmMs }: Question, ours: Figures, duck: Figures): ReportRow[] {
  const common = { id: "P10", unit: "ms", target: "any", faults: [] } as const;
  return [
    { ...common, question: `${name}, warm, beside DuckDB`, ours: ours.warm, ceiling: duck.warm, oursAtMost: warmMs },
    {
      ...common,
      question: `${name}, cold, beside DuckDB`,
      ours: ours.cold,
      ceiling: duck.cold,
      oursAtMost: warmMs * COLD_FACTOR,
    },
  ].map(compare);
}

export const COLD_READ_CASES: readonly LoadCase[] = [
  { id: "P10", question: "200,000 flushed rows in 20 files", run: runColdReads },
];
