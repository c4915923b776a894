// How a comparison is run: rounds in which every side has its turn, in an order that changes, so that drift of the machine favours nobody.
import type { LoadClient } from "./child-process.ts";
import type { IdRange, PacedResult, RequestsResult } from "./client-tasks.ts";
import type { NoiseMeter } from "./noise-meter.ts";
import { figureText, type ReportRow } from "./report.ts";
import { cpuSeconds, type Side } from "./side.ts";
import { spreadOf } from "./stats.ts";
import type { Operation } from "./workload.ts";

export interface BenchSize {
  readonly isQuick: boolean;
  /** The cases that take long or need ten thousand sockets. */
  readonly isFull: boolean;
  readonly rounds: number;
  readonly roundMs: number;
  /** Measures while rounds run. */
  readonly noise: NoiseMeter;
}

export interface LoadCase {
  readonly id: string;
  readonly question: string;
  readonly run: (size: BenchSize) => Promise<readonly ReportRow[]>;
}

/** Figures by side, one a round. */
export async function interleave<S, R>(
  { rounds, noise }: Pick<BenchSize, "rounds" | "noise">,
  sides: readonly S[],
  measure: (side: S, round: number) => Promise<R>,
): Promise<R[][]> {
  const figures: R[][] = sides.map(() => []);
  noise.begin();
  for (let round = 0; round < rounds; round++) {
    const turns = sides.map((side, index) => ({ side, index }));
    if (round % 2 === 1) turns.reverse();
    for (const { side, index } of turns) figures[index]?.push(await measure(side, round));
  }
  noise.end();
  return figures;
}

export interface Throughput {
  readonly perSecond: number;
  /** CPU of the server process alone. */
  readonly cpuUs: number;
  readonly done: number;
  readonly result: RequestsResult;
}

export interface RequestLoad {
  readonly operation: Operation;
  readonly connections: number;
  readonly durationMs: number;
  readonly count?: number;
  readonly ids: IdRange;
}

export async function measureRequests(client: LoadClient, side: Side, load: RequestLoad): Promise<Throughput> {
  const before = cpuSeconds(side.pid);
  const result = await client.run({ kind: "requests", target: side.target, ...load });
  const cpuUs = ((cpuSeconds(side.pid) - before) / result.done) * 1e6;
  return { perSecond: (result.done / result.elapsedMs) * 1_000, cpuUs, done: result.done, result };
}

export function cpuNote(unit: string, ours: readonly number[], ceiling: readonly number[]): string {
  return `server CPU ${figureText(spreadOf(ours).median)} µs ${unit} against ${figureText(spreadOf(ceiling).median)}`;
}

/** Ids of one round of one case: no other round writes them. */
export function idsOf(round: number): IdRange {
  return { first: 1 + round * IDS_PER_ROUND, count: IDS_PER_ROUND };
}

const IDS_PER_ROUND = 10_000_000;

/** Empty when nothing came late. Late is in the latencies, and is not lost. */
export function lateNote(results: readonly PacedResult[]): string {
  const late = results.reduce((sum, result) => sum + result.late, 0);
  return late === 0 ? "" : `; ${late} deliveries came when the run should have been over`;
}
