// P16: every client loses the server and comes back at once. Each must be told of exactly the rows it missed, and writes must not wait for them.
import { LoadClient } from "./child-process.ts";
import { compare, figureText, type ReportRow } from "./report.ts";
import { type BenchSize, cpuNote, idsOf, interleave, type LoadCase } from "./rounds.ts";
import { cpuSeconds, openCeilingSide, ServerSide, type Side } from "./side.ts";
import { spreadOf } from "./stats.ts";

const USERS = 100;
const MISSED_ROWS = 3;
const WRITERS = 4;
const QUIET_MS = 2_000;
const MAX_ROUNDS = 3;
const ROW = "INSERT INTO bench.own (id, room, body) VALUES ($1, 'hall', $2)";

interface Storm {
  readonly elapsedMs: number;
  readonly cpuUs: number;
  readonly faults: readonly string[];
}

async function runStorms(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using client = new LoadClient();
  await using writer = new LoadClient();
  const sockets = size.isQuick ? 500 : size.isFull ? 10_000 : 4_000;
  const tokens = await server.createUsers(size.isQuick ? 10 : USERS);
  const resumeFrom = await missRows(server, tokens);
  const storm = async (side: Side): Promise<Storm> => {
    const before = cpuSeconds(side.pid);
    const query = "SELECT * FROM bench.own";
    const task = { kind: "storm", target: side.target, tokens, sockets, query, resumeFrom, rows: MISSED_ROWS } as const;
    const { elapsedMs, faults } = await client.run(task);
    return { elapsedMs, faults, cpuUs: ((cpuSeconds(side.pid) - before) / sockets) * 1e6 };
  };
  let writing = 0;
  const write = (side: Side, durationMs: number) => {
    writing += 1;
    const ids = idsOf(writing);
    return writer.run({
      kind: "requests",
      target: side.target,
      operation: "insert",
      connections: WRITERS,
      durationMs,
      ids,
    });
  };
  for (const side of [server, ceiling]) await storm(side);
  const rounds = { ...size, rounds: Math.min(size.rounds, MAX_ROUNDS) };
  const [ours = [], bare = []] = await interleave(rounds, [server, ceiling], storm);
  const lastsMs = (storms: readonly Storm[]): number =>
    Math.max(500, spreadOf(storms.map(({ elapsedMs }) => elapsedMs)).median);
  const moments = [
    { side: server, stormMs: lastsMs(ours) },
    { side: server, stormMs: undefined },
    { side: ceiling, stormMs: lastsMs(bare) },
    { side: ceiling, stormMs: undefined },
  ];
  const written = await interleave(rounds, moments, async ({ side, stormMs }) => {
    const [writes, storms] = await Promise.all([
      write(side, stormMs ?? QUIET_MS),
      stormMs === undefined ? undefined : storm(side),
    ]);
    return { p99Ms: writes.latency.p99Ms, faults: [...writes.faults, ...(storms?.faults ?? [])] };
  });
  const [during = [], quiet = [], bareDuring = [], bareQuiet = []] = written;
  const bareGrowth = spreadOf(bareDuring.map(({ p99Ms }, round) => p99Ms / (bareQuiet[round]?.p99Ms ?? Number.NaN)));
  const cpu = (storms: readonly Storm[]): number[] => storms.map(({ cpuUs }) => cpuUs);
  const what = `${sockets.toLocaleString("en")} sockets of ${tokens.length} users come back at once`;
  return [
    compare({
      id: "P16",
      question: `${what}: until all are live`,
      unit: "ms",
      ours: ours.map(({ elapsedMs }) => elapsedMs),
      ceiling: bare.map(({ elapsedMs }) => elapsedMs),
      target: { atMost: 3 },
      faults: [...ours, ...bare].flatMap(({ faults }) => faults),
      note: `bare: upgrade and one answer; ${cpuNote("a socket", cpu(ours), cpu(bare))}`,
    }),
    compare({
      id: "P16",
      question: `${what}: p99 of writes meanwhile`,
      unit: "ms",
      ours: during.map(({ p99Ms }) => p99Ms),
      ceiling: quiet.map(({ p99Ms }) => p99Ms),
      target: { atMost: 3 },
      faults: written.flat().flatMap(({ faults }) => faults),
      note: `against ourselves in quiet, ${WRITERS} connections; a storm lasts ${figureText(lastsMs(ours))} ms; of bare writes during a storm of bare sockets ${bareGrowth.median.toFixed(2)} times quiet`,
    }),
  ];
}

/** The position before the rows that everyone missed. */
async function missRows(server: ServerSide, tokens: readonly string[]): Promise<string> {
  const users = tokens.map((token) => server.as(token));
  for (const user of users) await user.sql(ROW, [0, "before"]);
  const { seq = "0" } = await server.root.sql(ROW, [0, "before"]);
  for (const user of users) for (let id = 1; id <= MISSED_ROWS; id++) await user.sql(ROW, [id, `m:${id}:missed`]);
  return seq;
}

export const STORM_CASES: readonly LoadCase[] = [{ id: "P16", question: "a storm of resumes", run: runStorms }];
