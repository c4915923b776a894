// P6: what live queries that do not match cost the writers. The ceiling is the server itself without any.
import { LoadClient } from "./child-process.ts";
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
import { ServerSide } from "./side.ts";

const CONNECTIONS = 64;
const QUERIES_PER_SOCKET = 1_000;
const WARM_UP_MS = 500;

interface Standing {
  readonly text: string;
  readonly count: number;
  readonly query: (index: number) => string;
  /** Undefined: no index can help, the figure says what a change pays for each such query. */
  readonly atLeast: number | undefined;
}

const byRoom = (index: number): string => `SELECT * FROM bench.messages WHERE room = 'room-${index}'`;
/** Written ids are positive, so each of these ranges lies below them. */
const byRange = (index: number): string =>
  `SELECT * FROM bench.messages WHERE id > ${-10 * index - 9} AND id < ${-10 * index}`;
const byPattern = (index: number): string => `SELECT * FROM bench.messages WHERE body LIKE '%nobody writes ${index}%'`;

function standingQueries(size: BenchSize): readonly Standing[] {
  return [
    { text: "equality filters", count: 1_000, query: byRoom, atLeast: 0.9 },
    { text: "equality filters", count: 10_000, query: byRoom, atLeast: 0.9 },
    ...(size.isQuick
      ? []
      : [
          { text: "range filters", count: 10_000, query: byRange, atLeast: 0.9 },
          { text: "LIKE '%…%' filters, found by their fixed text,", count: 100, query: byPattern, atLeast: undefined },
        ]),
    ...(size.isFull ? [10, 100, 100_000] : []).map((count) => ({
      text: "equality filters",
      count,
      query: byRoom,
      atLeast: 0.9,
    })),
  ];
}

async function runStanding(size: BenchSize): Promise<readonly ReportRow[]> {
  const rows: ReportRow[] = [];
  for (const standing of standingQueries(size)) rows.push(await standingRow(standing, size));
  return rows;
}

async function standingRow({ text, count, query, atLeast }: Standing, size: BenchSize): Promise<ReportRow> {
  await using busy = await ServerSide.open();
  await using quiet = await ServerSide.open();
  await using listener = new LoadClient();
  await using writer = new LoadClient();
  const queries = Array.from({ length: count }, (_, index) => query(index));
  await listener.run({ kind: "hold", target: busy.target, queries, perConnection: QUERIES_PER_SOCKET });
  const insert = (side: ServerSide, round: number): Promise<Throughput> =>
    measureRequests(writer, side, {
      operation: "insert",
      connections: CONNECTIONS,
      durationMs: round === 0 ? WARM_UP_MS : size.roundMs,
      ids: idsOf(round),
    });
  for (const side of [busy, quiet]) await insert(side, 0);
  const figures = await interleave(size, [busy, quiet], (side, round) => insert(side, round + 1));
  const [ours = [], without = []] = figures;
  const held = await listener.run({ kind: "countHeld" });
  const leaked = held.rows === 0 ? [] : [`${held.rows} rows arrived at live queries that match none`];
  return compare({
    id: "P6",
    question: `inserts beside ${count.toLocaleString("en")} ${text} that match nothing`,
    unit: "/s",
    ours: ours.map(({ perSecond }) => perSecond),
    ceiling: without.map(({ perSecond }) => perSecond),
    target: atLeast === undefined ? undefined : { atLeast },
    faults: [...held.faults, ...leaked, ...figures.flat().flatMap(({ result }) => result.faults)],
    note: `against ourselves with none; ${cpuNote(
      "an insert",
      ours.map(({ cpuUs }) => cpuUs),
      without.map(({ cpuUs }) => cpuUs),
    )}`,
  });
}

export const STANDING_QUERY_CASES: readonly LoadCase[] = [
  { id: "P6", question: "standing-query tax", run: runStanding },
];
