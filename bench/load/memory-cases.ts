// P15: what an idle connection and a live query cost the server in memory. The figure is the growth of the process over many of them, after some have warmed it up;
// the ceiling is a server that keeps a bare socket on one topic.
import { residentBytes } from "../../src/engine/query/process-limits.ts";
import { LoadClient } from "./child-process.ts";
import { compare, type ReportRow } from "./report.ts";
import { type BenchSize, interleave, type LoadCase } from "./rounds.ts";
import { openCeilingSide, ServerSide, type Side } from "./side.ts";

const WARM_UP_CONNECTIONS = 500;
/** Long enough for whatever opening leaves behind to be collected. */
const SETTLE_MS = 2_500;
const QUERIES_PER_SOCKET = 100;
const SOCKETS_OF_QUERIES = 200;
const MAX_ROUNDS = 3;
const CONNECTION_TARGET_KB = 5;
const SUBSCRIPTION_TARGET_KB = 1;

interface Growth {
  readonly connectionKb: number;
  /** Undefined at the ceiling, which knows no queries. */
  readonly sharedKb: number | undefined;
  readonly ownKb: number | undefined;
  readonly faults: readonly string[];
}

const roomQuery = (room: number | string): string => `SELECT * FROM bench.messages WHERE room = 'room-${room}'`;

class Growing {
  readonly #side: Side;
  readonly #client: LoadClient;
  #bytes = 0;

  constructor(side: Side, client: LoadClient) {
    this.#side = side;
    this.#client = client;
  }

  /** KB that each of `count` things took which `queries` open, beyond what is known of them. */
  async grow(queries: readonly string[], perConnection: number, knownKb: number): Promise<number> {
    await this.#settled();
    const before = this.#bytes;
    await this.#client.run({ kind: "hold", target: this.#side.target, queries, perConnection });
    await this.#settled();
    return (this.#bytes - before) / 1024 - knownKb;
  }

  async #settled(): Promise<void> {
    await Bun.sleep(SETTLE_MS);
    this.#bytes = residentBytes(this.#side.pid) ?? Number.NaN;
  }
}

async function measure(open: () => Promise<Side>, connections: number): Promise<Growth> {
  await using side = await open();
  await using client = new LoadClient();
  const growing = new Growing(side, client);
  const one = roomQuery("everyone");
  await growing.grow(
    Array.from({ length: WARM_UP_CONNECTIONS }, () => one),
    1,
    0,
  );
  const connectionKb =
    (await growing.grow(
      Array.from({ length: connections }, () => one),
      1,
      0,
    )) / connections;
  const isServer = side.target.kind === "server";
  const count = SOCKETS_OF_QUERIES * QUERIES_PER_SOCKET;
  const perQuery = async (query: (index: number) => string): Promise<number | undefined> => {
    if (!isServer) return undefined;
    const queries = Array.from({ length: count }, (_, index) => query(index));
    return (await growing.grow(queries, QUERIES_PER_SOCKET, connectionKb * SOCKETS_OF_QUERIES)) / count;
  };
  const sharedKb = await perQuery((index) => roomQuery(index % QUERIES_PER_SOCKET));
  const ownKb = await perQuery((index) => roomQuery(`own-${index}`));
  const { faults } = await client.run({ kind: "countHeld" });
  return { connectionKb, sharedKb, ownKb, faults };
}

async function runMemory(size: BenchSize): Promise<readonly ReportRow[]> {
  const connections = size.isQuick ? 1_000 : size.isFull ? 10_000 : 4_000;
  const sides = [() => ServerSide.open(), () => openCeilingSide()];
  const rounds = { ...size, rounds: Math.min(size.rounds, MAX_ROUNDS) };
  const [ours = [], bare = []] = await interleave(rounds, sides, (open) => measure(open, connections));
  const faults = [...ours, ...bare].flatMap((growth) => growth.faults);
  const ceiling = bare.map(({ connectionKb }) => connectionKb);
  const row = (question: string, figures: readonly (number | undefined)[], oursAtMost: number): ReportRow =>
    compare({
      id: "P15",
      question,
      unit: "KB",
      ours: figures.map((figure) => figure ?? Number.NaN),
      ceiling,
      target: "any",
      oursAtMost,
      faults,
      note: `growth of the server process; the ceiling is a bare socket on one topic; ${connections.toLocaleString("en")} connections`,
    });
  return [
    row(
      "an idle connection with one live query",
      ours.map(({ connectionKb }) => connectionKb),
      CONNECTION_TARGET_KB,
    ),
    row(
      "a live query that others ask too",
      ours.map(({ sharedKb }) => sharedKb),
      SUBSCRIPTION_TARGET_KB,
    ),
    row(
      "a live query that nobody else asks",
      ours.map(({ ownKb }) => ownKb),
      SUBSCRIPTION_TARGET_KB,
    ),
  ];
}

export const MEMORY_CASES: readonly LoadCase[] = [
  { id: "P15", question: "memory of connections and live queries", run: runMemory },
];
