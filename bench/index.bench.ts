// Question: what does an index of buffered rows win a query, what does it cost an INSERT, and how long do writes and health requests wait while it is built? Each figure stands
// beside the same without the index, in one run. It leaves out flushed rows, which are in no index.
// Run: bun bench/index.bench.ts [rows, default 300000] [rounds, default 5]
import { ServerSide } from "./load/side.ts";
import { spreadOf } from "./load/stats.ts";

const [rowsText = "300000", roundsText = "5"] = process.argv.slice(2);
const ROWS = Number(rowsText);
const ROUNDS = Number(roundsText);
const TABLE = "bench.messages";
const ROWS_PER_INSERT = 20_000;
/** A room has a hundred rows. */
const ROOMS = Math.max(1, Math.floor(ROWS / 100));
const QUERIES = 20;
const INSERTS = 200;
const FIRST_NEW = 1_000_000_000;

await using server = await ServerSide.open();
const { root } = server;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Milliseconds of the slowest request that is asked over and over while the work runs. */
async function slowestBeside(work: Promise<unknown>, request: () => Promise<unknown>): Promise<number> {
  let isRunning = true;
  const ended = work.finally(() => {
    isRunning = false;
  });
  let slowestMs = 0;
  while (isRunning) slowestMs = Math.max(slowestMs, await timed(request));
  await ended;
  return slowestMs;
}

let next = FIRST_NEW;
const insertOne = (): Promise<unknown> =>
  root.sql(`INSERT INTO ${TABLE} (id, room, body) VALUES ($1, $2, 'one more')`, [next++, `room ${next % ROOMS}`]);

async function queries(): Promise<number> {
  const all = await timed(async () => {
    for (let query = 0; query < QUERIES; query += 1) {
      await root.sql(`SELECT id, body FROM ${TABLE} WHERE room = $1 ORDER BY id`, [`room ${(query * 37) % ROOMS}`]);
    }
  });
  return all / QUERIES;
}

async function inserts(): Promise<number> {
  const all = await timed(async () => {
    for (let row = 0; row < INSERTS; row += 1) await insertOne();
  });
  return all / INSERTS;
}

function report(name: string, figures: readonly number[]): void {
  const { median, min, max } = spreadOf(figures);
  process.stdout.write(`${name.padEnd(52)} ${median.toFixed(2)} ms [${min.toFixed(2)}–${max.toFixed(2)}]\n`);
}

for (let first = 0; first < ROWS; first += ROWS_PER_INSERT) {
  const last = Math.min(first + ROWS_PER_INSERT, ROWS) - 1;
  await root.sql(
    `INSERT INTO ${TABLE} (id, room, body) SELECT g, 'room ' || (g % ${ROOMS}), 'some text of a message ' || g FROM generate_series(${first}, ${last}) AS s(g)`,
  );
}

const figures = {
  queryWithout: [] as number[],
  queryWith: [] as number[],
  insertWithout: [] as number[],
  insertWith: [] as number[],
  build: [] as number[],
  writeBeside: [] as number[],
  healthBeside: [] as number[],
};
for (let round = 0; round < ROUNDS; round += 1) {
  figures.queryWithout.push(await queries());
  figures.insertWithout.push(await inserts());
  const create = (): Promise<unknown> => root.sql(`CREATE INDEX by_room ON ${TABLE} (room)`);
  figures.build.push(await timed(() => slowestBeside(create(), insertOne).then((ms) => figures.writeBeside.push(ms))));
  figures.queryWith.push(await queries());
  figures.insertWith.push(await inserts());
  await root.sql("DROP INDEX bench.by_room");
  const health = (): Promise<unknown> => fetch(`http://127.0.0.1:${server.target.port}/health`).then((r) => r.text());
  figures.healthBeside.push(await slowestBeside(create(), health));
  await root.sql("DROP INDEX bench.by_room");
}
process.stdout.write(`${ROWS} buffered rows, ${ROWS / ROOMS} for each value of the column\n`);
report("SELECT by the column, without an index", figures.queryWithout);
report("SELECT by the column, with one", figures.queryWith);
report("INSERT of a row, without an index", figures.insertWithout);
report("INSERT of a row, with one", figures.insertWith);
report("CREATE INDEX, from request to answer", figures.build);
report("slowest INSERT meanwhile", figures.writeBeside);
report("slowest health request meanwhile", figures.healthBeside);
