// P4, P5, P7, P14: from a write to its subscribers. Every delivery is checked: a run that lost, repeated or misordered one is a failure.
import { LoadClient } from "./child-process.ts";
import type { FanOutResult, Protocol } from "./client-tasks.ts";
import { compare, figureText, type ReportRow } from "./report.ts";
import { type BenchSize, cpuNote, idsOf, interleave, type LoadCase, lateNote } from "./rounds.ts";
import { cpuSeconds, openCeilingSide, ServerSide, type Side } from "./side.ts";
import { spreadOf } from "./stats.ts";
import type { Operation } from "./workload.ts";

/** Writes on their way at once: enough that the time a sync takes is used by other writes, so that sending is what is measured. */
const WINDOW = 16;
const WARM_UP_MESSAGES = 20;

interface FanOutCase {
  readonly id: string;
  readonly protocol: Protocol;
  readonly ceilingOperation: Operation;
  /** The same after a durable insert. */
  readonly storingOperation: Operation;
  readonly ceilingText: string;
  readonly atLeast: number;
}

const FAN_OUTS: readonly FanOutCase[] = [
  {
    id: "P4",
    protocol: "native",
    ceilingOperation: "publish",
    storingOperation: "insert-publish",
    ceilingText: "bare publish",
    atLeast: 0.8,
  },
  {
    id: "P5",
    protocol: "peer",
    ceilingOperation: "send-each",
    storingOperation: "insert-send-each",
    ceilingText: "bare send loop",
    atLeast: 0.7,
  },
];

/** So many deliveries make a round: about a second at what a core can send. */
const DELIVERIES_PER_ROUND = 150_000;
const QUICK_DELIVERIES = 40_000;

interface Measured {
  readonly result: FanOutResult;
  readonly cpuUs: number;
}

function runFanOut(fanOut: FanOutCase): (size: BenchSize) => Promise<readonly ReportRow[]> {
  return async (size) => {
    const rows: ReportRow[] = [];
    for (const subscribers of size.isFull ? [1, 100, 1_000, 10_000] : [100, 1_000]) {
      rows.push(await fanOutRow(fanOut, subscribers, size));
    }
    return rows;
  };
}

interface FanOutSide {
  readonly side: Side;
  readonly operation: Operation;
}

async function fanOutRow(fanOut: FanOutCase, subscribers: number, size: BenchSize): Promise<ReportRow> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using storing = await openCeilingSide();
  await using client = new LoadClient();
  const sides: readonly FanOutSide[] = [
    { side: server, operation: "insert" },
    { side: ceiling, operation: fanOut.ceilingOperation },
    { side: storing, operation: fanOut.storingOperation },
  ];
  const deliver = async ({ side, operation }: FanOutSide, messages: number, firstId: number): Promise<Measured> => {
    const before = cpuSeconds(side.pid);
    const result = await client.run({
      kind: "fanOut",
      target: side.target,
      operation,
      protocol: fanOut.protocol,
      subscribers,
      messages,
      window: WINDOW,
      awaitDelivery: true,
      firstId,
    });
    return { result, cpuUs: ((cpuSeconds(side.pid) - before) / result.deliveries) * 1e6 };
  };
  const messages = Math.ceil((size.isQuick ? QUICK_DELIVERIES : DELIVERIES_PER_ROUND) / subscribers);
  for (const side of sides) await deliver(side, WARM_UP_MESSAGES, idsOf(0).first);
  const figures = await interleave(size, sides, (side, round) => deliver(side, messages, idsOf(round + 1).first));
  const [ours = [], bare = [], stored = []] = figures;
  const perSecond = ({ result }: Measured): number => (result.deliveries / result.elapsedMs) * 1_000;
  const cpu = (side: readonly Measured[]): number[] => side.map(({ cpuUs }) => cpuUs);
  const p99 = (side: readonly Measured[]): string =>
    figureText(spreadOf(side.map(({ result }) => result.latency.p99Ms)).median);
  const ofStored = spreadOf(ours.map((one, round) => perSecond(one) / perSecond(stored[round] ?? one))).median;
  return compare({
    id: fanOut.id,
    question: `deliveries of one query to ${subscribers.toLocaleString("en")} ${fanOut.protocol} subscribers`,
    unit: "/s",
    ours: ours.map(perSecond),
    ceiling: bare.map(perSecond),
    target: { atLeast: fanOut.atLeast },
    isBound: true,
    faults: figures.flat().flatMap(({ result }) => result.faults),
    note: [
      `${fanOut.ceilingText}, nothing stored; ${ofStored.toFixed(2)} of a ceiling that stores durably first`,
      cpuNote("a delivery, connecting included,", cpu(ours), cpu(bare)),
      `write to last arrival p99 ${p99(ours)} ms against ${p99(bare)}`,
    ].join("; "),
  });
}

const RATE_PER_SECOND = 1_000;

async function runLatency(size: BenchSize): Promise<readonly ReportRow[]> {
  await using server = await ServerSide.open();
  await using ceiling = await openCeilingSide();
  await using storing = await openCeilingSide();
  await using client = new LoadClient();
  const tokens = await server.createUsers(size.isQuick ? 100 : 1_000);
  const durationMs = size.isQuick ? 1_500 : 4_000;
  const operations = new Map<Side, Operation>([
    [server, "insert-own"],
    [ceiling, "echo"],
    [storing, "insert-echo"],
  ]);
  const pace = (side: Side, round: number, ms: number) =>
    client.run({
      kind: "paced",
      target: side.target,
      operation: operations.get(side) ?? "echo",
      tokens,
      ratePerSecond: RATE_PER_SECOND,
      durationMs: ms,
      firstId: idsOf(round).first,
    });
  const sides = [...operations.keys()];
  for (const side of sides) await pace(side, 0, 1_000);
  const figures = await interleave(size, sides, (side, round) => pace(side, round + 1, durationMs));
  const [ours = [], bare = [], stored = []] = figures;
  const faults = figures.flat().flatMap((result) => result.faults);
  const rate = `reached ${figureText(spreadOf(ours.map((result) => result.rate)).median)} writes/s; ceiling: bare echo, nothing stored${lateNote(ours)}`;
  const afterStoring = (name: "p50Ms" | "p99Ms"): string => {
    const ratio = spreadOf(
      ours.map(({ latency }, round) => latency[name] / (stored[round]?.latency[name] ?? Number.NaN)),
    );
    const figure = spreadOf(stored.map(({ latency }) => latency[name]));
    return `an echo that stores durably first: ${figureText(figure.median)} ms, ratio ${ratio.median.toFixed(2)}`;
  };
  const question = `write to delivery, ${RATE_PER_SECOND.toLocaleString("en")} writes/s, ${tokens.length.toLocaleString("en")} users`;
  const row = (
    name: "p50Ms" | "p99Ms",
    bounds: Pick<Parameters<typeof compare>[0], "target" | "oursAtMost" | "isBound">,
  ): ReportRow =>
    compare({
      id: "P7",
      question: `${question}, ${name.slice(0, 3)}`,
      unit: "ms",
      ours: ours.map(({ latency }) => latency[name]),
      ceiling: bare.map(({ latency }) => latency[name]),
      faults,
      note: `${rate}; ${afterStoring(name)}`,
      ...bounds,
    });
  return [row("p50Ms", { target: "any", oursAtMost: 2 }), row("p99Ms", { target: { atMost: 2 }, isBound: true })];
}

const ROOM_SUBSCRIBERS = 100;
const IN_FLIGHT = 64;

async function runRoom(size: BenchSize): Promise<readonly ReportRow[]> {
  await using quiet = await ServerSide.open();
  await using watched = await ServerSide.open();
  await using bareQuiet = await openCeilingSide();
  await using bareWatched = await openCeilingSide();
  await using client = new LoadClient();
  const messages = size.isQuick ? 3_000 : size.isFull ? 100_000 : 20_000;
  const rounds = size.isFull ? 2 : size.rounds;
  const insert = (side: Side, round: number, count: number) =>
    client.run({
      kind: "fanOut",
      target: side.target,
      operation: side === bareWatched ? "insert-publish" : "insert",
      protocol: "native",
      subscribers: side === watched || side === bareWatched ? ROOM_SUBSCRIBERS : 0,
      messages: count,
      window: IN_FLIGHT,
      awaitDelivery: false,
      firstId: idsOf(round).first,
    });
  const sides: readonly Side[] = [watched, quiet, bareWatched, bareQuiet];
  for (const side of sides) await insert(side, 0, 1_000);
  const figures = await interleave({ rounds, noise: size.noise }, sides, (side, round) =>
    insert(side, round + 1, messages),
  );
  const [ours = [], without = [], bare = [], bareWithout = []] = figures;
  const bareGrowth = spreadOf(
    bare.map(({ acknowledgedMs }, round) => acknowledgedMs / (bareWithout[round]?.acknowledgedMs ?? Number.NaN)),
  );
  const delivered = spreadOf(ours.map(({ deliveries, elapsedMs }) => (deliveries / elapsedMs) * 1_000)).median;
  return [
    compare({
      id: "P14",
      question: `time of ${messages.toLocaleString("en")} inserts, ${IN_FLIGHT} in flight, ${ROOM_SUBSCRIBERS} live subscribers of the room`,
      unit: "ms",
      ours: ours.map(({ acknowledgedMs }) => acknowledgedMs),
      ceiling: without.map(({ acknowledgedMs }) => acknowledgedMs),
      target: { atMost: 1.3 },
      faults: figures.flat().flatMap(({ faults }) => faults),
      note: `against ourselves without subscribers; ${figureText(delivered)} deliveries/s until the last arrival; a bare program that stores and publishes the same takes ${bareGrowth.median.toFixed(2)} of its time without subscribers`,
    }),
  ];
}

export const DELIVERY_CASES: readonly LoadCase[] = [
  ...FAN_OUTS.map((fanOut) => ({
    id: fanOut.id,
    question: `fan-out, ${fanOut.protocol} protocol`,
    run: runFanOut(fanOut),
  })),
  { id: "P7", question: "write-to-delivery latency", run: runLatency },
  { id: "P14", question: "a busy room", run: runRoom },
];
