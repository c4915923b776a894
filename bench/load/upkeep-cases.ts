// The rest of P8: writes at a fixed rate and their delivery while the files of many users are merged, and while one query after the other goes through all rows of a large
// flushed table. Each beside the same writes before it, in the same round.
import type { TestUser } from "../../test/support/test-server.ts";
import { LoadClient } from "./child-process.ts";
import type { PacedResult } from "./client-tasks.ts";
import { finishedJob } from "./finished-job.ts";
import { compare, figureText, type ReportRow } from "./report.ts";
import { type BenchSize, idsOf, type LoadCase, lateNote } from "./rounds.ts";
import { ServerSide } from "./side.ts";
import { ROOM, rowBody } from "./workload.ts";

const WATCHERS = 100;
const WRITES_PER_SECOND = 200;
const PART_MS = 4_000;
const WARM_MS = 1_000;
/** Below every id that paced writers use. */
const FIRST_ROW = -1_000_000_000;
const FILES_PER_USER = 2;
const ROWS_PER_FILE = 100;
const ROWS_PER_STATEMENT = 1_000;
/** Merges are asked for here, and nobody else starts one. */
const ENV = { KALAMDB_COMPACTION_ENABLED: "false" };

interface Amount {
  readonly users: number;
  readonly largeRows: number;
  readonly rounds: number;
}

function amountOf({ isQuick, isFull, rounds }: BenchSize): Amount {
  if (isQuick) return { users: 100, largeRows: 20_000, rounds: 1 };
  return { users: 1_000, largeRows: isFull ? 200_000 : 50_000, rounds: isFull ? 2 : Math.min(rounds, 2) };
}

interface Loaded {
  readonly server: ServerSide;
  readonly client: LoadClient;
  readonly users: readonly TestUser[];
  readonly tokens: readonly string[];
}

/** A round's parts never write the same ids: `part` counts through all of them. */
function pace({ server, client, tokens }: Loaded, part: number, durationMs: number): Promise<PacedResult> {
  return client.run({
    kind: "paced",
    target: server.target,
    operation: "insert-own",
    tokens: tokens.slice(0, WATCHERS),
    ratePerSecond: WRITES_PER_SECOND,
    durationMs,
    firstId: idsOf(part).first,
  });
}

interface Pair {
  readonly quiet: PacedResult;
  readonly busy: PacedResult;
  readonly faults: readonly string[];
  readonly note: string;
}

/** As many small files for each user, with rows in between each other's keys, so that merging decodes and encodes all of them. */
async function makeFiles({ server, users }: Loaded, round: number): Promise<readonly string[]> {
  const faults: string[] = [];
  for (let file = 0; file < FILES_PER_USER; file += 1) {
    const values = Array.from({ length: ROWS_PER_FILE }, (_unused, index) => {
      const id = FIRST_ROW + (round * ROWS_PER_FILE + index) * FILES_PER_USER + file;
      return `(${id}, '${ROOM}', '${rowBody(id)}')`;
    });
    for (const user of users) await user.sql(`INSERT INTO bench.own (id, room, body) VALUES ${values.join(", ")}`);
    faults.push(...(await finishedJob(server.root, "STORAGE FLUSH TABLE bench.own")).faults);
  }
  return faults;
}

async function duringMerge(loaded: Loaded, round: number): Promise<Pair> {
  const faults = await makeFiles(loaded, round);
  await pace(loaded, 6 * round, WARM_MS);
  const quiet = await pace(loaded, 6 * round + 1, PART_MS);
  const [job, busy] = await Promise.all([
    finishedJob(loaded.server.root, "STORAGE COMPACT TABLE bench.own"),
    pace(loaded, 6 * round + 2, PART_MS),
  ]);
  const note = `merged in ${figureText(job.seconds)} s`;
  return { quiet, busy, faults: [...faults, ...job.faults], note };
}

async function makeLarge({ server: { root } }: Loaded, rows: number): Promise<readonly string[]> {
  await root.sql("CREATE SHARED TABLE bench.large (id BIGINT PRIMARY KEY, kind TEXT, body TEXT)");
  for (let start = 0; start < rows; start += ROWS_PER_STATEMENT) {
    const values = Array.from({ length: ROWS_PER_STATEMENT }, (_unused, index) => {
      const id = start + index;
      return `(${id}, 'kind ${id % 10}', '${rowBody(id)}')`;
    });
    await root.sql(`INSERT INTO bench.large VALUES ${values.join(", ")}`);
  }
  return (await finishedJob(root, "STORAGE FLUSH TABLE bench.large")).faults;
}

/** No part of it is answered from metadata or from columns alone, and each asks for another value. */
async function analyze(root: TestUser, isOver: () => boolean): Promise<number> {
  let done = 0;
  for (; !isOver(); done += 1) {
    await root.sql(
      `SELECT kind, count(DISTINCT body) AS bodies, max(length(body) + ${done}) AS longest FROM bench.large GROUP BY kind ORDER BY bodies DESC`,
    );
  }
  return done;
}

async function duringQueries(loaded: Loaded, round: number): Promise<Pair> {
  await pace(loaded, 6 * round + 3, WARM_MS);
  const quiet = await pace(loaded, 6 * round + 4, PART_MS);
  let isOver = false;
  const [done, busy] = await Promise.all([
    analyze(loaded.server.root, () => isOver),
    pace(loaded, 6 * round + 5, PART_MS).finally(() => {
      isOver = true;
    }),
  ]);
  return { quiet, busy, faults: [], note: `${done} queries, one after the other` };
}

async function runUpkeep(size: BenchSize): Promise<readonly ReportRow[]> {
  const amount = amountOf(size);
  await using server = await ServerSide.open({ env: ENV });
  await using client = new LoadClient();
  const tokens = await server.createUsers(amount.users);
  const loaded: Loaded = { server, client, tokens, users: tokens.map((token) => server.as(token)) };
  const faults = await makeLarge(loaded, amount.largeRows);
  const merges: Pair[] = [];
  const queries: Pair[] = [];
  size.noise.begin();
  for (let round = 0; round < amount.rounds; round += 1) {
    merges.push(await duringMerge(loaded, round));
    queries.push(await duringQueries(loaded, round));
  }
  size.noise.end();
  const files = (amount.users * FILES_PER_USER).toLocaleString("en");
  const large = amount.largeRows.toLocaleString("en");
  return [
    ...latencyRows(`a merge of ${files} files of ${amount.users.toLocaleString("en")} users`, merges, faults),
    ...latencyRows(`SELECTs over ${large} flushed rows`, queries, faults),
  ];
}

function latencyRows(what: string, pairs: readonly Pair[], faults: readonly string[]): readonly ReportRow[] {
  const figures = [
    { name: "write", read: ({ writeLatency }: PacedResult) => writeLatency.p99Ms },
    { name: "write to delivery", read: ({ latency }: PacedResult) => latency.p99Ms },
  ];
  return figures.map(({ name, read }) =>
    compare({
      id: "P8",
      question: `${name} during ${what}, ${WRITES_PER_SECOND} writes/s, ${WATCHERS} watchers, p99`,
      unit: "ms",
      ours: pairs.map(({ busy }) => read(busy)),
      ceiling: pairs.map(({ quiet }) => read(quiet)),
      target: { atMost: 3 },
      faults: [...faults, ...pairs.flatMap((pair) => [...pair.faults, ...pair.quiet.faults, ...pair.busy.faults])],
      note: `${pairs.map(({ note }) => note).join("; ")}; against the same before it${lateNote(pairs.flatMap(({ quiet, busy }) => [quiet, busy]))}`,
    }),
  );
}

export const UPKEEP_CASES: readonly LoadCase[] = [
  { id: "P8", question: "merges and large queries under load", run: runUpkeep },
];
