// The whole of live delivery against a model: random commits, subscribes, resumes, disconnects and reads that answer late, for all client
// families. When all is quiet, what each client shows equals a filter over the store.
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ConnectionId } from "../../src/base/ids.ts";
import type { Change } from "../../src/model/change.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import type { Cell } from "../../src/model/sql-type.ts";
import {
  chatTable,
  everything,
  inRoom,
  type Query,
  roomLike,
  scoreAbove,
  scoredInShared,
  scoreWithin,
  unscored,
} from "./support/chat-table.ts";
import { Client, ClientSubscription, type Family } from "./support/clients.ts";
import { Harness } from "./support/harness.ts";
import type { Socket } from "./support/sockets.ts";
import { type Commit, settle, type Write } from "./support/versioned-store.ts";

const TABLES: readonly TableSchema[] = [chatTable("user", 1), chatTable("shared", 2)];
const QUERIES: readonly Query[] = [
  everything,
  inRoom("a"),
  inRoom("b"),
  scoreAbove(2),
  scoreWithin(1, 4),
  unscored,
  roomLike,
  scoredInShared,
];
const USERS = ["ann", "bob"];
const FAMILIES: readonly Family[] = ["paging", "message", "native"];
const SLOTS_PER_CLIENT = 3;

interface Target {
  readonly table: TableSchema;
  readonly batchSize: number;
  readonly slow: "disconnect" | "latest";
  readonly lastRows: number | undefined;
}

interface Peer {
  readonly user: string;
  readonly client: Client;
  /** What each subscription id subscribes to. */
  readonly targets: Map<string, Target>;
  connection: { readonly id: ConnectionId; readonly socket: Socket } | undefined;
}

const cells = fc.tuple(
  fc.nat({ max: 7 }).map(BigInt),
  fc.constantFrom<Cell>("a", "b", null),
  fc.constantFrom<Cell>(0, 1, 2, 3, 4, 5, null),
);

const operation = fc.oneof(
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      writes: fc.array(
        fc.record({
          table: fc.nat({ max: 1 }),
          user: fc.nat({ max: 1 }),
          cells,
          deleted: fc.integer({ min: 0, max: 3 }),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("dispatch" as const) }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("read" as const), index: fc.nat({ max: 9 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("subscribe" as const),
      peer: fc.nat({ max: 5 }),
      slot: fc.nat({ max: SLOTS_PER_CLIENT - 1 }),
      query: fc.nat({ max: QUERIES.length - 1 }),
      table: fc.nat({ max: 1 }),
      batchSize: fc.integer({ min: 1, max: 3 }),
      slow: fc.constantFrom("disconnect" as const, "disconnect" as const, "latest" as const),
      // More than there ever are, so that the rows are those of a plain snapshot.
      lastRows: fc.constantFrom(undefined, undefined, 1_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("unsubscribe" as const),
      peer: fc.nat({ max: 5 }),
      slot: fc.nat({ max: SLOTS_PER_CLIENT - 1 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("disconnect", "lose", "reconnect", "reconnect"),
      peer: fc.nat({ max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("nextBatch" as const), peer: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("congest", "drain"), peer: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("progress" as const) }) },
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

class Model {
  readonly harness: Harness;
  readonly peers: readonly Peer[];
  readonly #undispatched: Commit[] = [];
  readonly #changes: Change[] = [];

  constructor(heldChanges: number) {
    this.harness = new Harness({ heldChanges, batchRows: 2, readRows: 2, unpagedRows: 3, pushAheadBytes: 100 });
    this.peers = USERS.flatMap((user) =>
      FAMILIES.map((family) => ({ user, client: new Client(family), targets: new Map(), connection: undefined })),
    );
    for (const peer of this.peers) peer.connection = this.harness.connect(peer.client.family, peer.user);
  }

  async run(operation: Operation): Promise<void> {
    this.#apply(operation);
    await settle();
    this.#pump();
  }

  #apply(operation: Operation): void {
    const { live, store } = this.harness;
    if (operation.kind === "commit") return this.#commit(operation.writes);
    if (operation.kind === "dispatch") return this.#dispatch();
    if (operation.kind === "read") return store.advance(operation.index);
    if (operation.kind === "progress") return live.progress();
    const peer = this.#peer("peer" in operation ? operation.peer : 0);
    switch (operation.kind) {
      case "subscribe":
        peer.client.unsubscribe(`s${operation.slot}`);
        peer.targets.set(`s${operation.slot}`, {
          table: this.#table(operation.table),
          batchSize: operation.batchSize,
          slow: operation.slow,
          lastRows: operation.lastRows,
        });
        return this.#subscribe(
          peer,
          new ClientSubscription(`s${operation.slot}`, this.#query(operation.query, peer.client.family)),
          undefined,
        );
      case "unsubscribe":
        peer.client.unsubscribe(`s${operation.slot}`);
        peer.targets.delete(`s${operation.slot}`);
        if (peer.connection !== undefined) live.unsubscribe(peer.connection.id, `s${operation.slot}`);
        return;
      case "disconnect":
        return this.#disconnect(peer);
      case "lose":
        // The server finds out at its next send; until then the socket still joins and leaves.
        if (peer.connection !== undefined) peer.connection.socket.failing = true;
        return;
      case "reconnect":
        return this.#reconnect(peer);
      case "nextBatch":
        return this.#askNext(peer);
      case "congest":
        if (peer.connection !== undefined) peer.connection.socket.queuedBytes = 1_000;
        return;
      default:
        return this.#drain(peer);
    }
  }

  #commit(writes: readonly { table: number; user: number; cells: readonly Cell[]; deleted: number }[]): void {
    const rows: Write[] = writes.map((write) => {
      const table = this.#table(write.table);
      const scope = this.harness.scope(table, USERS[write.user] ?? "");
      return { table, scope, cells: write.cells, deleted: write.deleted === 0 };
    });
    this.#undispatched.push(this.harness.store.commit(rows));
  }

  #dispatch(): void {
    const commit = this.#undispatched.shift();
    if (commit === undefined) return;
    this.harness.store.markDispatched(commit);
    this.#changes.push(...commit.changes);
    this.harness.live.dispatch(commit);
  }

  #subscribe(peer: Peer, subscription: ClientSubscription, from: bigint | undefined): void {
    peer.client.subscriptions.set(subscription.id, subscription);
    subscription.begin(from);
    const target = peer.targets.get(subscription.id);
    if (peer.connection === undefined || target === undefined) return;
    this.harness.subscribe(peer.connection.id, {
      id: subscription.id,
      table: target.table,
      query: subscription.query,
      user: peer.user,
      options: {
        batchSize: target.batchSize,
        from,
        slow: target.slow,
        ...(target.lastRows === undefined ? {} : { lastRows: target.lastRows }),
      },
    });
  }

  #disconnect(peer: Peer): void {
    if (peer.connection === undefined) return;
    this.#pumpOne(peer);
    this.harness.live.disconnect(peer.connection.id);
    this.harness.sockets.gone(peer.connection.id);
    peer.connection = undefined;
    peer.client.forgetChannels();
  }

  #reconnect(peer: Peer): void {
    this.#disconnect(peer);
    peer.connection = this.harness.connect(peer.client.family, peer.user);
    for (const subscription of peer.client.subscriptions.values()) {
      this.#subscribe(peer, subscription, subscription.cursor);
    }
  }

  #askNext(peer: Peer): void {
    for (const subscription of peer.client.subscriptions.values()) {
      if (peer.connection === undefined || subscription.nextBatch === undefined) continue;
      const { lastSeq } = subscription.nextBatch;
      subscription.nextBatch = undefined;
      this.harness.live.nextBatch(peer.connection.id, subscription.id, lastSeq as never);
    }
  }

  #drain(peer: Peer): void {
    if (peer.connection === undefined) return;
    peer.connection.socket.queuedBytes = 0;
    this.harness.live.drained(peer.connection.id);
  }

  #pump(): void {
    for (const peer of this.peers) this.#pumpOne(peer);
  }

  #pumpOne(peer: Peer): void {
    for (const frame of peer.connection?.socket.frames.splice(0) ?? []) peer.client.receive(frame);
  }

  async quiesce(): Promise<void> {
    while (this.#undispatched.length > 0) this.#dispatch();
    // Whoever lost its socket comes back.
    for (const peer of this.peers) {
      if (peer.connection === undefined || peer.connection.socket.failing) this.#reconnect(peer);
    }
    for (let round = 0; round < 300; round++) {
      for (const peer of this.peers) {
        this.#drain(peer);
        this.#askNext(peer);
      }
      // After the draining: what then is answered from memory leaves no read pending.
      await settle();
      this.#pump();
      if (this.harness.store.pending.length === 0 && this.#allLive()) return;
      this.harness.store.advance(round);
    }
    throw new Error("delivery never came to rest");
  }

  #allLive(): boolean {
    const isReady = this.peers.every((peer) => [...peer.client.subscriptions.values()].every((each) => each.ready));
    return isReady && [...this.harness.live.rows()].every(({ phase }) => phase === "live");
  }

  check(strictChanges: boolean): void {
    const rows = new Map([...this.harness.live.rows()].map((row) => [row.liveId, row]));
    for (const peer of this.peers) {
      for (const subscription of peer.client.subscriptions.values()) {
        expect(subscription.errors).toEqual([]);
        const where = { user: peer.user, family: peer.client.family, query: subscription.query.name };
        const shown = Object.fromEntries(subscription.rows);
        expect({ ...where, rows: shown }).toEqual({ ...where, rows: this.#expected(peer, subscription) });
        const row = rows.get(`${peer.user}-${peer.connection?.id ?? ""}-${subscription.id}`);
        expect({ ...where, changes: row?.changes }).toEqual({ ...where, changes: subscription.changes.length });
        // Changes of a query that is run again are told by result, those of a slow subscriber merged: not by commit.
        const isWhole = subscription.query.strategy !== "rerun" && peer.targets.get(subscription.id)?.slow !== "latest";
        if (strictChanges && subscription.from === undefined && isWhole) {
          const all = this.#membershipChanges(peer, subscription);
          const received = subscription.changes.map(({ op, seq }) => `${op} ${seq}`);
          expect(received).toEqual(all.slice(all.length - received.length));
        }
      }
    }
  }

  #matches(subscription: ClientSubscription, row: readonly Cell[]): boolean {
    const { predicate, slots } = subscription.query;
    return predicate === undefined || predicate(row, slots) === true;
  }

  #expected(peer: Peer, subscription: ClientSubscription): Readonly<Record<string, string>> {
    const table = peer.targets.get(subscription.id)?.table ?? this.#table(0);
    return Object.fromEntries(
      this.harness.store
        .selected(subscription.query, table, this.harness.scope(table, peer.user))
        .map((version) => [String(version.cells[0]), JSON.stringify([version.cells[1], version.cells[2]])]),
    );
  }

  /** Every enter, update and leave there ever was, by plain evaluation of all changes. */
  #membershipChanges(peer: Peer, subscription: ClientSubscription): readonly string[] {
    const table = peer.targets.get(subscription.id)?.table;
    return this.#changes.flatMap((change) => {
      if (change.table !== table || change.scope !== this.harness.scope(table, peer.user)) return [];
      const was = change.before !== undefined && this.#matches(subscription, change.before.cells);
      const is = !change.after.deleted && this.#matches(subscription, change.after.cells);
      if (!was && !is) return [];
      const op = was && is ? "update" : is ? "insert" : "delete";
      return [`${op} ${change.after.seq}`];
    });
  }

  #peer(index: number): Peer {
    const peer = this.peers[index % this.peers.length];
    if (peer === undefined) throw new Error("no peers");
    return peer;
  }

  #table(index: number): TableSchema {
    return TABLES[index % TABLES.length] ?? chatTable();
  }

  #query(index: number, family: Family): Query {
    const query = QUERIES[index % QUERIES.length] ?? everything;
    return query.strategy === "rerun" && family !== "native" ? everything : query;
  }
}

for (const [why, heldChanges] of [
  ["held changes always fit", 10_000],
  ["held changes overflow into history", 1],
] as const) {
  test(`LQ-07 LQ-08 LQ-09 LQ-10 LQ-11 LQ-12 LQ-16 after any history every client shows exactly what its query selects: ${why}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 150, size: "max" }), async (operations) => {
        const model = new Model(heldChanges);
        for (const each of operations) await model.run(each);
        await model.quiesce();
        model.check(heldChanges > 1);
      }),
      { numRuns: Number(process.env["KALAMDB_TEST_RUNS"] ?? 1_500) },
    );
  }, 600_000);
}
