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
  const write = (durationMs: number) => {
    writing += 1;
    const ids = idsOf(writing);
    return writer.run({
      kind: "requests",
      target: server.target,
      operation: "insert",
      connections: WRITERS,
      durationMs,
      ids,
    });
  };
  for (const side of [server, ceiling]) await storm(side);
  const rounds = { ...size, rounds: Math.min(size.rounds, MAX_ROUNDS) };
  const [ours = [], bare = []] = await interleave(rounds, [server, ceiling], storm);
  const lastsMs = Math.max(500, spreadOf(ours.map(({ elapsedMs }) => elapsedMs)).median);
  const [during = [], quiet = []] = await interleave(rounds, [true, false], async (isStorm) => {
    const [written, storms] = await Promise.all([
      write(isStorm ? lastsMs : QUIET_MS),
      isStorm ? storm(server) : undefined,
    ]);
    return { p99Ms: written.latency.p99Ms, faults: [...written.faults, ...(storms?.faults ?? [])] };
  });
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
      faults: [...during, ...quiet].flatMap(({ faults }) => faults),
      note: `against ourselves in quiet, ${WRITERS} connections; a storm lasts ${figureText(lastsMs)} ms`,
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
