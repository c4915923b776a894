// P9 and the flush part of P8: many users' buffered rows go to Parquet while others write and watch. Beside it, in the same round: the Parquet library alone on the same
// rows, and the same writers while nothing is flushed.
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { residentBytes } from "../../src/engine/query/process-limits.ts";
import type { TestUser } from "../../test/support/test-server.ts";
import { LoadClient } from "./child-process.ts";
import type { PacedResult } from "./client-tasks.ts";
import { finishedJob } from "./finished-job.ts";
import { compare, figureText, type ReportRow } from "./report.ts";
import { type BenchSize, idsOf, type LoadCase, lateNote } from "./rounds.ts";
import { cpuSeconds, ServerSide } from "./side.ts";
import { ROOM, rowBody } from "./workload.ts";

const WATCHERS = 100;
const WRITES_PER_SECOND = 200;
const QUIET_MS = 4_000;
const POLL_MS = 20;
/** Below every id that paced writers use: these rise, as ids made by a clock do, so no file has to be asked whether it has them. */
const FIRST_ROW = -1_000_000_000;
const MEMORY_TARGET_MB = 400;
const MB = 2 ** 20;

interface Amount {
  readonly users: number;
  readonly rowsPerUser: number;
  readonly rounds: number;
}

function amountOf({ isQuick, isFull, rounds }: BenchSize): Amount {
  if (isQuick) return { users: 100, rowsPerUser: 200, rounds: 1 };
  return isFull
    ? { users: 1_000, rowsPerUser: 1_000, rounds: 1 }
    : { users: 1_000, rowsPerUser: 200, rounds: Math.min(rounds, 2) };
}

interface Round {
  readonly flushSeconds: number;
  readonly libraryRowsPerSecond: number;
  readonly rows: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
  readonly quiet: PacedResult;
  readonly busy: PacedResult;
  readonly faults: readonly string[];
}

function rowsOf(round: number, amount: Amount): { readonly id: number; readonly body: string }[] {
  const first = FIRST_ROW + round * amount.rowsPerUser;
  return Array.from({ length: amount.rowsPerUser }, (_unused, index) => ({
    id: first + index,
    body: rowBody(first + index),
  }));
}

async function fill(users: readonly TestUser[], round: number, amount: Amount): Promise<void> {
  const rows = rowsOf(round, amount);
  const values = rows.map(({ id, body }) => `(${id}, '${ROOM}', '${body}')`).join(", ");
  for (const user of users) await user.sql(`INSERT INTO bench.own (id, room, body) VALUES ${values}`);
}

/** Files on their way to the disk at a time, as in a flush. */
const FILES_AT_ONCE = 8;

/** A file for each user in a folder of its own, both synced, as a flush makes them, and nothing else: rows that are in memory, to no catalog, out of no buffer. */
async function libraryAlone(round: number, amount: Amount): Promise<number> {
  const rows = rowsOf(round, amount);
  const root = await mkdtemp(join(tmpdir(), "kalamdb-bench-"));
  const waiting = Array.from({ length: amount.users }, (_unused, user) => join(root, String(user))).values();
  const lane = async (): Promise<void> => {
    for (const folder of waiting) {
      const bytes = libraryFile(rows);
      await mkdir(folder);
      await using file = await open(join(folder, "segment.parquet"), "w");
      await file.writeFile(bytes);
      await file.sync();
      await using parent = await open(folder, "r");
      await parent.sync();
    }
  };
  try {
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, lane));
    return (amount.users * amount.rowsPerUser * 1_000) / (performance.now() - startedAt);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function libraryFile(rows: ReturnType<typeof rowsOf>): Uint8Array {
  const bytes = parquetWriteBuffer({
    codec: "ZSTD",
    compressors: { ZSTD: (page) => new Uint8Array(Bun.zstdCompressSync(page, { level: 3 })) },
    columnData: [
      { name: "id", data: rows.map(({ id }) => BigInt(id)), type: "INT64", bloomFilter: true, columnIndex: true },
      { name: "room", data: rows.map(() => ROOM), type: "STRING" },
      { name: "body", data: rows.map(({ body }) => body), type: "STRING" },
      { name: "_seq", data: rows.map(({ id }) => BigInt(id)), type: "INT64" },
      { name: "_deleted", data: rows.map(() => false), type: "BOOLEAN" },
    ],
  });
  return new Uint8Array(bytes);
}

interface Watched<R> {
  readonly result: R;
  readonly peakBytes: number;
}

/** Resident memory of the process at its peak while the work runs. */
async function watchMemory<R>(pid: number, work: Promise<R>): Promise<Watched<R>> {
  let peakBytes = residentBytes(pid) ?? Number.NaN;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(pid) ?? 0);
  }, POLL_MS);
  try {
    return { result: await work, peakBytes };
  } finally {
    clearInterval(timer);
  }
}

async function measureRound(
  {
    server,
    client,
    users,
  }: { readonly server: ServerSide; readonly client: LoadClient; readonly users: readonly TestUser[] },
  round: number,
  amount: Amount,
): Promise<Round> {
  const tokens = users.slice(0, WATCHERS).map(({ token }) => token);
  const pace = (part: number, durationMs: number): Promise<PacedResult> =>
    client.run({
      kind: "paced",
      target: server.target,
      operation: "insert-own",
      tokens,
      ratePerSecond: WRITES_PER_SECOND,
      durationMs,
      firstId: idsOf(3 * round + part).first,
    });
  await fill(users, round, amount);
  await pace(0, 1_000);
  const quiet = await pace(1, QUIET_MS);
  const idleBytes = residentBytes(server.pid) ?? Number.NaN;
  const cpuBefore = cpuSeconds(server.pid);
  const rows = amount.users * amount.rowsPerUser;
  // About as long as the flush: longer would dilute it, shorter would miss its end.
  const busyMs = Math.max(QUIET_MS / 2, rows / 30);
  const { result, peakBytes } = await watchMemory(
    server.pid,
    Promise.all([finishedJob(server.root, "STORAGE FLUSH TABLE bench.own"), pace(2, busyMs)]),
  );
  const [flushed, busy] = result;
  return {
    flushSeconds: flushed.seconds,
    libraryRowsPerSecond: await libraryAlone(round, amount),
    rows,
    cpuSeconds: cpuSeconds(server.pid) - cpuBefore,
    memoryMb: (peakBytes - idleBytes) / MB,
    quiet,
    busy,
    faults: [...flushed.faults, ...quiet.faults, ...busy.faults],
  };
}

async function runFlush(size: BenchSize): Promise<readonly ReportRow[]> {
  const amount = amountOf(size);
  await using server = await ServerSide.open();
  await using client = new LoadClient();
  const tokens = await server.createUsers(amount.users);
  const users = tokens.map((token) => server.as(token));
  const rounds: Round[] = [];
  size.noise.begin();
  for (let round = 0; round < amount.rounds; round += 1)
    rounds.push(await measureRound({ server, client, users }, round, amount));
  size.noise.end();
  const faults = rounds.flatMap((round) => round.faults);
  const question = `flush of ${(amount.users * amount.rowsPerUser).toLocaleString("en")} rows of ${amount.users.toLocaleString("en")} users`;
  const pick = (read: (round: Round) => number): number[] => rounds.map(read);
  const seconds = pick(({ flushSeconds }) => flushSeconds);
  return [
    compare({
      id: "P9",
      question,
      unit: "rows/s",
      ours: pick((round) => round.rows / round.flushSeconds),
      ceiling: pick((round) => round.libraryRowsPerSecond),
      target: { atLeast: 0.6 },
      faults,
      note: `${figureText(Math.max(...seconds))} s at most; ceiling: hyparquet-writer alone, the same files and folders, synced; server CPU ${figureText(Math.max(...pick((round) => round.cpuSeconds)))} s, writers and watchers included${lateNote(rounds.flatMap(({ quiet, busy }) => [quiet, busy]))}`,
    }),
    compare({
      id: "P9",
      question: `${question}: memory above idle`,
      unit: "MB",
      ours: pick((round) => round.memoryMb),
      ceiling: pick(() => MEMORY_TARGET_MB),
      target: "any",
      oursAtMost: MEMORY_TARGET_MB,
      faults: [],
      note: "peak of the server process; the other figure is the bound",
    }),
    ...latencyRows(rounds),
  ];
}

function latencyRows(rounds: readonly Round[]): readonly ReportRow[] {
  const whats = [
    { what: "write", read: ({ writeLatency }: PacedResult) => writeLatency.p99Ms },
    { what: "write to delivery", read: ({ latency }: PacedResult) => latency.p99Ms },
  ];
  return whats.map(({ what, read }) =>
    compare({
      id: "P8",
      question: `${what} during it, ${WRITES_PER_SECOND} writes/s, ${WATCHERS} watchers, p99`,
      unit: "ms",
      ours: rounds.map(({ busy }) => read(busy)),
      ceiling: rounds.map(({ quiet }) => read(quiet)),
      target: { atMost: 3 },
      faults: [],
      note: "against the same before the flush",
    }),
  );
}

export const FLUSH_CASES: readonly LoadCase[] = [{ id: "P9", question: "flush under load", run: runFlush }];
