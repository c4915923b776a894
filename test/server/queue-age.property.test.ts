// `lag_ms` and `queue_bytes` of real sockets whose readers are stopped, against a model that writes down every frame of every socket.
import { expect, test } from "bun:test";
import type { Server } from "bun";
import fc from "fast-check";
import { type ConnectionId, newConnectionId, parseUserId, SHARED_SCOPE } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { DEFAULT_LIVE_LIMITS } from "../../src/live/limits.ts";
import { createLiveQueries, type LiveQueries } from "../../src/live/live-queries.ts";
import { createOutlet } from "../../src/server/outlet.ts";
import type { Socket, SocketData } from "../../src/server/socket-data.ts";
import { chatTable, everything, livePlan, message, type Query } from "../live/support/chat-table.ts";
import { dialect } from "../live/support/harness.ts";
import { VersionedStore } from "../live/support/versioned-store.ts";

const table = chatTable("shared");
const READERS = 3;
const QUERIES: readonly Query[] = [everything, inRoomsFrom("a"), inRoomsFrom("b")];
const LIMIT_BYTES = 256 * 1024 * 1024;

function inRoomsFrom(letter: string): Query {
  return { name: `from ${letter}`, slots: [], predicate: ([, room]) => String(room).startsWith(letter) };
}

/** Every frame a socket was given, in order. */
class Ledger {
  readonly topics = new Set<string>();
  readonly #frames: { readonly end: number; readonly atMs: number }[] = [];
  #total = 0;

  add(payload: string | Uint8Array, atMs: number): void {
    const bytes = Buffer.from(payload).byteLength;
    this.#total += bytes + (bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10);
    this.#frames.push({ end: this.#total, atMs });
  }

  /** Undefined: everything was taken. */
  oldestUntaken(queuedBytes: number): number | undefined {
    const taken = this.#total - queuedBytes;
    return this.#frames.find(({ end }) => end > taken)?.atMs;
  }
}

class Fixture {
  readonly #server: Server<SocketData>;
  readonly #readers: Bun.Subprocess[] = [];
  readonly #sockets = new Map<ConnectionId, Socket>();
  readonly #ledgers = new Map<ConnectionId, Ledger>();
  readonly #store = new VersionedStore();
  readonly live: LiveQueries;
  nowMs = 0;
  #message = 0;

  constructor() {
    this.#store.immediate = true;
    this.#server = Bun.serve<SocketData>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) =>
        server.upgrade(request, { data: socketData() }) ? undefined : new Response("", { status: 426 }),
      websocket: {
        backpressureLimit: LIMIT_BYTES,
        closeOnBackpressureLimit: true,
        idleTimeout: 0,
        open: (socket) => this.#open(socket),
        message: () => undefined,
        drain: (socket) => this.live.drained(socket.data.connection),
      },
    });
    const clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs };
    this.live = createLiveQueries({
      outlet: createOutlet({ sockets: this.#sockets, server: () => this.#publisher(), clock }),
      source: this.#store,
      clock,
      log: silentLog,
      limits: DEFAULT_LIVE_LIMITS,
      turn: () => undefined,
      authorize: () => undefined,
    });
  }

  /** Written down before it is sent, as Bun keeps the order of what is sent and published. */
  #publisher(): Pick<Server<SocketData>, "publish"> {
    return {
      publish: (topic, frame, compress) => {
        for (const ledger of this.#ledgers.values()) if (ledger.topics.has(topic)) this.#note(ledger, frame);
        return this.#server.publish(topic, frame, compress);
      },
    };
  }

  #note(ledger: Ledger, frame: Parameters<Server<SocketData>["publish"]>[1]): void {
    if (typeof frame !== "string") throw new Error("JSON is text");
    ledger.add(frame, this.nowMs);
  }

  #open(socket: Socket): void {
    const { connection } = socket.data;
    const ledger = new Ledger();
    this.#ledgers.set(connection, ledger);
    const nowMs = () => this.nowMs;
    const note = (frame: unknown): void => this.#note(ledger, String(frame));
    const watched = new Proxy(socket, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: readonly unknown[]) => {
          if (name === "send") note(args[0]);
          if (name === "ping") ledger.add("", nowMs());
          if (name === "subscribe") ledger.topics.add(String(args[0]));
          if (name === "unsubscribe") ledger.topics.delete(String(args[0]));
          return Reflect.apply(value, target, args);
        };
      },
    });
    this.#sockets.set(connection, watched);
    this.live.connect(connection, { user: parseUserId("ann"), role: "user" }, dialect("native"));
  }

  async start(): Promise<void> {
    const script = new URL("./reader.ts", import.meta.url).pathname;
    for (let count = 1; count <= READERS; count++) {
      this.#readers.push(Bun.spawn([process.execPath, script, String(this.#server.port)]));
      while (this.#sockets.size < count) await Bun.sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) reader.kill("SIGKILL");
    await this.#server.stop(true);
  }

  #connection(reader: number): ConnectionId {
    const id = [...this.#sockets.keys()][reader];
    if (id === undefined) throw new Error("no such reader");
    return id;
  }

  subscribe(reader: number, id: number): void {
    const query = QUERIES[id % QUERIES.length] ?? everything;
    const plan = livePlan(table, query);
    const options = {
      batchSize: undefined,
      lastRows: 0,
      from: undefined,
      epoch: undefined,
      slow: "disconnect",
    } as const;
    const statement = { plan: () => ({ plan, slots: query.slots }) };
    this.live.subscribe(this.#connection(reader), {
      id: String(id),
      query: query.name,
      plan,
      slots: query.slots,
      statement,
      scope: SHARED_SCOPE,
      options,
    });
  }

  unsubscribe(reader: number, id: number): void {
    this.live.unsubscribe(this.#connection(reader), String(id));
  }

  write(room: string, bytes: number): void {
    this.#message += 1;
    const row = message(this.#message, room);
    const cells = row.cells.with(1, bytes === 0 ? room : room.padEnd(bytes, "é"));
    const commit = this.#store.commit([{ table, scope: SHARED_SCOPE, cells }]);
    this.#store.markDispatched(commit);
    this.live.dispatch(commit);
  }

  signal(reader: number, name: "SIGSTOP" | "SIGCONT"): void {
    this.#readers[reader]?.kill(name);
  }

  queueBytes(reader: number): number {
    const id = this.#connection(reader);
    return [...this.live.rows()].find(({ connectionId }) => connectionId === id)?.queueBytes ?? 0;
  }

  /** How many of the checked live queries were behind. */
  check(): number {
    let behind = 0;
    const rows = [...this.live.rows()];
    for (const { connectionId, lagMs, queueBytes } of rows) {
      const socket = [...this.#sockets].find(([id]) => id === connectionId)?.[1];
      const ledger = [...this.#ledgers].find(([id]) => id === connectionId)?.[1];
      const queued = socket?.getBufferedAmount() ?? 0;
      const since = ledger?.oldestUntaken(queued);
      expect([queueBytes, lagMs]).toEqual([queued, since === undefined ? 0 : this.nowMs - since]);
      if (lagMs > 0) behind += 1;
    }
    return behind;
  }
}

function socketData(): SocketData {
  return {
    connection: newConnectionId(),
    address: "127.0.0.1",
    verifyUpgrade: undefined,
    connectedAtMs: 0,
    dialect: dialect("native"),
    principal: undefined,
    tokenExpiresAtMs: Number.POSITIVE_INFINITY,
    apiKey: undefined,
    deadlineMs: Number.POSITIVE_INFINITY,
    closing: false,
    waiting: undefined,
    sent: undefined,
    tokens: 0,
    refilledAtMs: 0,
  };
}

type Step =
  | { readonly kind: "turn"; readonly ms: number; readonly sleeps: boolean }
  | { readonly kind: "write"; readonly room: string; readonly bytes: number }
  | { readonly kind: "signal"; readonly reader: number; readonly name: "SIGSTOP" | "SIGCONT" }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly reader: number; readonly id: number }
  | { readonly kind: "check" | "sweep" };

/** Two readers that are stopped, and one that keeps up, some of whose live queries have company. */
const STOPPED: readonly Step[] = [
  { kind: "subscribe", reader: 0, id: 0 },
  { kind: "subscribe", reader: 1, id: 0 },
  { kind: "subscribe", reader: 1, id: 1 },
  { kind: "subscribe", reader: 2, id: 0 },
  { kind: "subscribe", reader: 2, id: 1 },
  { kind: "signal", reader: 0, name: "SIGSTOP" },
  { kind: "signal", reader: 1, name: "SIGSTOP" },
];

/** Far behind both: how much a stopped reader's kernel takes is the machine's affair. */
async function fallBehind(fixture: Fixture): Promise<void> {
  for (const each of STOPPED) await run(fixture, each);
  do {
    for (let count = 0; count < 6; count += 1) fixture.write("c", 1_500_000);
    await run(fixture, { kind: "turn", ms: 7, sleeps: true });
  } while ([0, 1].some((reader) => fixture.queueBytes(reader) === 0));
}

const reader = fc.nat({ max: READERS - 1 });
const id = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("turn"), ms: fc.nat({ max: 500 }), sleeps: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write"),
      room: fc.constantFrom("a", "b", "c"),
      // What a stopped reader's kernel takes is some megabytes.
      bytes: fc.constantFrom(0, 0, 0, 100, 40_000, 200_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("signal"),
      reader,
      name: fc.constantFrom("SIGSTOP", "SIGSTOP", "SIGSTOP", "SIGCONT"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("subscribe", "subscribe", "unsubscribe"), reader, id }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("check", "check", "check", "sweep") }) },
);

/** How many live queries were found behind. */
async function run(fixture: Fixture, at: Step): Promise<number> {
  switch (at.kind) {
    case "turn":
      if (at.sleeps) await Bun.sleep(3);
      // What was published has to reach the sockets, and the next turn to begin.
      for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
      fixture.nowMs += at.ms;
      return 0;
    case "write":
      fixture.write(at.room, at.bytes);
      return 0;
    case "signal":
      fixture.signal(at.reader, at.name);
      return 0;
    case "subscribe":
      fixture.subscribe(at.reader, at.id);
      return 0;
    case "unsubscribe":
      fixture.unsubscribe(at.reader, at.id);
      return 0;
    case "sweep":
      fixture.live.lookAtQueues();
      return 0;
    default:
      return fixture.check();
  }
}

test("LQ-05 queue_bytes and lag_ms are what a ledger of all frames says, of whatever is published and sent to stopped readers", async () => {
  let behind = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120, size: "max" }), async (steps) => {
      await using fixture = new Fixture();
      await fixture.start();
      await fallBehind(fixture);
      for (const each of steps) behind += await run(fixture, each);
      behind += fixture.check();
    }),
    // To shrink would take processes by the hundred.
    { numRuns: 5, endOnFailure: true },
  );
  // Some of them were.
  expect(behind).toBeGreaterThan(20);
}, 600_000);

async function behind(): Promise<Fixture> {
  const fixture = new Fixture();
  await fixture.start();
  await fallBehind(fixture);
  return fixture;
}

const nextTurn: Step = { kind: "turn", ms: 100, sleeps: false };

test("LQ-05 what was published in the same turn is in queue_bytes", async () => {
  await using fixture = await behind();
  // The kernel may make more room for a while, never for long. All tries of a turn are less than Bun hands to the sockets before its end.
  let grown = 0;
  for (let tries = 0; tries < 200 && grown < 200; tries++) {
    if (tries % 20 === 0) await run(fixture, nextTurn);
    const before = fixture.queueBytes(0);
    fixture.write("c", 100);
    grown = fixture.queueBytes(0) - before;
  }
  expect(grown).toBeGreaterThan(200);
  fixture.check();
});

test("LQ-05 what a topic sent before a socket joined it is not what the socket waits for", async () => {
  await using fixture = await behind();
  // Reader 1, who is behind too, is on the topic of rooms from a; reader 0 comes when megabytes were published to it.
  for (let count = 0; count < 10; count++) {
    fixture.write("a", 1_500_000);
    await run(fixture, nextTurn);
  }
  fixture.subscribe(0, 1);
  fixture.write("a", 0);
  await run(fixture, nextTurn);
  fixture.check();
});
