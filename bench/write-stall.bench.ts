// Question: how long does a large statement or transaction keep everybody else waiting, beside a quiet server? Its figure is the slowest of many health requests asked one
// after the other while it runs. It leaves out what the statement itself takes, and on two cores the client's own work is in it.
// Run: bun bench/write-stall.bench.ts [rows, default 10000] [rounds, default 5]
import { ServerSide } from "./load/side.ts";
import { spreadOf } from "./load/stats.ts";

const [rowsText = "10000", roundsText = "5"] = process.argv.slice(2);
const ROWS = Number(rowsText);
const ROUNDS = Number(roundsText);
/** A batch has at most 5,000 statements. */
const STATEMENTS = Math.min(ROWS, 4_900);
const TABLE = "bench.messages";

interface Work {
  readonly name: string;
  readonly sql: (round: number) => string;
}

const firstOf = (round: number): number => (round + 1) * 1_000_000;
const rangeOf = (round: number): string => `id >= ${firstOf(round)} AND id < ${firstOf(round) + ROWS}`;
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const WORKS: readonly Work[] = [
  { name: "quiet", sql: () => "SELECT 1" },
  {
    name: `INSERT of ${ROWS} rows`,
    sql: (round) =>
      `INSERT INTO ${TABLE} (id, room, body) VALUES ${numbers(ROWS)
        .map((row) => `(${firstOf(round) + row}, 'hall', 'body ${row}')`)
        .join(", ")}`,
  },
  { name: `UPDATE of ${ROWS} rows`, sql: (round) => `UPDATE ${TABLE} SET body = 'edited' WHERE ${rangeOf(round)}` },
  { name: `DELETE of ${ROWS} rows`, sql: (round) => `DELETE FROM ${TABLE} WHERE ${rangeOf(round)}` },
  {
    name: `transaction of ${STATEMENTS} statements`,
    sql: (round) => {
      const inserts = numbers(STATEMENTS).map(
        (row) => `INSERT INTO ${TABLE} (id, room, body) VALUES (${-firstOf(round) - row}, 'hall', 'b')`,
      );
      return ["BEGIN", ...inserts, "COMMIT"].join("; ");
    },
  },
];

/** Milliseconds of the slowest health request while the statement runs. */
async function slowestBeside(server: ServerSide, sql: string): Promise<number> {
  let isRunning = true;
  const running = server.root.sql(sql).finally(() => {
    isRunning = false;
  });
  let slowestMs = 0;
  while (isRunning) {
    const askedAt = performance.now();
    await (await fetch(`http://127.0.0.1:${server.target.port}/health`)).text();
    slowestMs = Math.max(slowestMs, performance.now() - askedAt);
  }
  await running;
  return slowestMs;
}

await using server = await ServerSide.open();
const figures = new Map<string, number[]>(WORKS.map(({ name }) => [name, []]));
for (const round of numbers(ROUNDS)) {
  for (const { name, sql } of WORKS) figures.get(name)?.push(await slowestBeside(server, sql(round)));
}
for (const [name, slowest] of figures) {
  const { median, min, max } = spreadOf(slowest);
  process.stdout.write(`${name.padEnd(36)} ${median.toFixed(1)} ms [${min.toFixed(1)}–${max.toFixed(1)}]\n`);
}
