// P1, P2, P3, P12: requests and answers, no subscriber anywhere. Loopback only: no TLS, no proxy, and the client takes one of the cores.
import { LoadClient } from "./child-process.ts";
import { SEQUENCE } from "./client-tasks.ts";
import { compare, type ReportRow } from "./report.ts";
import {
  type BenchSize,
  cpuNote,
  idsOf,
  interleave,
  type LoadCase,
  measureRequests,
  type Throughput,
} from "./rounds.ts";
import { openCeilingSide, ServerSide, type Side } from "./side.ts";
import type { Operation } from "./workload.ts";

const CONNECTIONS = 64;
const WARM_UP_MS = 500;
const POINT_ROWS = 20_000;
/** Ids of rows that exist before a round begins, above those of any round. */
const FIXED_IDS = { first: 1_000_000_000, count: POINT_ROWS };

function faultsOf(figures: readonly (readonly Throughput[])[]): readonly string[] {
  return figures.flat().flatMap(({ result }) => result.faults);
}

async function fill(client: LoadClient, side: Side): Promise<readonly string[]> {
  const load = {
    operation: "insert",
    connections: CONNECTIONS,
    durationMs: 60_000,
    count: POINT_ROWS,
    ids: FIXED_IDS,
  } as const;
  const { result } = await measureRequests(client, side, load);
  return result.faults;
}

async function runInserts(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using client = new LoadClient();
  const insert = (side: Side, round: number): Promise<Throughput> =>
    measureRequests(client, side, {
      operation: "insert",
      connections: CONNECTIONS,
      durationMs: round === 0 ? WARM_UP_MS : size.roundMs,
      ids: idsOf(round),
    });
  const warm = [await insert(server, 0), await insert(ceiling, 0)];
  const figures = await interleave(size, [server, ceiling], (side, round) => insert(side, round + 1));
  const [ours = [], bare = []] = figures;
  const faults = [...faultsOf([...figures, warm])];
  const acknowledged = ours.reduce((sum, { done }) => sum + done, warm[0]?.done ?? 0);
  const [[stored] = []] = await server.root.rows("SELECT count(*) FROM bench.messages");
  if (Number(stored) !== acknowledged)
    faults.push(`${acknowledged} inserts were acknowledged, ${String(stored)} are stored`);
  return [
    compare({
      id: "P1",
      question: "durable single-row INSERTs, 64 connections",
      unit: "/s",
      ours: ours.map(({ perSecond }) => perSecond),
      ceiling: bare.map(({ perSecond }) => perSecond),
      target: { atLeast: 0.6 },
      isBound: true,
      faults,
      note: cpuNote(
        "an insert",
        ours.map(({ cpuUs }) => cpuUs),
        bare.map(({ cpuUs }) => cpuUs),
      ),
    }),
  ];
}

async function runPointSelects(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using client = new LoadClient();
  const faults = [...(await fill(client, server)), ...(await fill(client, ceiling))];
  const select = (side: Side, durationMs: number): Promise<Throughput> =>
    measureRequests(client, side, { operation: "select", connections: CONNECTIONS, durationMs, ids: FIXED_IDS });
  const warm = [await select(server, WARM_UP_MS), await select(ceiling, WARM_UP_MS)];
  const figures = await interleave(size, [server, ceiling], (side) => select(side, size.roundMs));
  const [ours = [], bare = []] = figures;
  return [
    compare({
      id: "P2",
      question: "point SELECT by key, 64 connections",
      unit: "/s",
      ours: ours.map(({ perSecond }) => perSecond),
      ceiling: bare.map(({ perSecond }) => perSecond),
      target: { atLeast: 0.6 },
      isBound: true,
      faults: [...faults, ...faultsOf([...figures, warm])],
      note: cpuNote(
        "a select",
        ours.map(({ cpuUs }) => cpuUs),
        bare.map(({ cpuUs }) => cpuUs),
      ),
    }),
  ];
}

async function runSequential(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using client = new LoadClient();
  const sequence = (side: Side, round: number, durationMs: number) =>
    client.run({ kind: "sequence", target: side.target, durationMs, firstId: idsOf(round).first });
  for (const side of [server, ceiling]) await sequence(side, 0, WARM_UP_MS);
  const figures = await interleave(size, [server, ceiling], (side, round) => sequence(side, round + 1, size.roundMs));
  const [ours = [], bare = []] = figures;
  const faults = figures.flat().flatMap((result) => result.faults);
  return SEQUENCE.flatMap((operation) => {
    const row = (name: "p50Ms" | "p99Ms", atMost: number): ReportRow =>
      compare({
        id: "P3",
        question: `sequential ${operation}, one connection, ${name.slice(0, 3)}`,
        unit: "ms",
        ours: ours.map(({ latency }) => latency[operation][name]),
        ceiling: bare.map(({ latency }) => latency[operation][name]),
        target: { atMost },
        isBound: true,
        faults,
      });
    return [row("p50Ms", 1.5), row("p99Ms", 2)];
  });
}

async function runPlanCache(size: BenchSize): Promise<readonly ReportRow[]> {
  await using cached = await ServerSide.open();
  await using uncached = await ServerSide.open({ env: { KALAMDB_EXECUTION_SQL_PLAN_CACHE_MAX_ENTRIES: "0" } });
  await using client = new LoadClient();
  const faults = [...(await fill(client, cached)), ...(await fill(client, uncached))];
  const row = async (operation: Operation, text: string, atLeast: number): Promise<ReportRow> => {
    const select = (side: Side, durationMs: number): Promise<Throughput> =>
      measureRequests(client, side, { operation, connections: CONNECTIONS, durationMs, ids: FIXED_IDS });
    for (const side of [cached, uncached]) await select(side, WARM_UP_MS);
    const figures = await interleave(size, [cached, uncached], (side) => select(side, size.roundMs));
    const [ours = [], without = []] = figures;
    return compare({
      id: "P12",
      question: `plan cache: repeated point SELECT, ${text}`,
      unit: "/s",
      ours: ours.map(({ perSecond }) => perSecond),
      ceiling: without.map(({ perSecond }) => perSecond),
      target: { atLeast },
      faults: [...faults, ...faultsOf(figures)],
      note: `against ourselves with the cache off; ${cpuNote(
        "a select",
        ours.map(({ cpuUs }) => cpuUs),
        without.map(({ cpuUs }) => cpuUs),
      )}`,
    });
  };
  return [await row("select-literal", "new literals each time", 2), await row("select", "new parameters each time", 3)];
}

export const REQUEST_CASES: readonly LoadCase[] = [
  { id: "P1", question: "durable inserts", run: runInserts },
  { id: "P2", question: "point selects", run: runPointSelects },
  { id: "P3", question: "sequential latency", run: runSequential },
  { id: "P12", question: "plan cache", run: runPlanCache },
];
