// Refusals, ends of subscriptions, and what an administrator sees of them.
import { describe, expect, test } from "bun:test";
import { newConnectionId, parseUserId, tableIdOf } from "../../src/base/ids.ts";
import { brief } from "./support/brief.ts";
import { chatTable, everything, inRoom, message, scoreAbove, unscored } from "./support/chat-table.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");
const shared = chatTable("shared", 2);

describe("refusals", () => {
  test.each<[string, string, object, string, string]>([
    ["a blank id", "  ", {}, "invalid_subscription", "INVALID_SUBSCRIPTION_ID"],
    ["an id past its bound", "x".repeat(300), {}, "x".repeat(300), "INVALID_SUBSCRIPTION_ID"],
  ])("LQ-01 LQ-06 %s is refused and the socket stays open", (_why, id, options, named, code) => {
    const harness = started();
    const { id: connection, socket } = harness.connect("paging");
    harness.subscribe(connection, { id, table, query: everything, options });
    expect(messages(socket)).toEqual([expect.objectContaining({ type: "error", subscription_id: named, code })]);
    expect(socket.closed).toBeUndefined();
    expect(harness.live.counters().subscriptions).toBe(0);
  });

  test("LQ-01 subscriptions are bounded per connection and per user; replacing one needs no room", () => {
    const harness = started({ subscriptionsPerConnection: 2, subscriptionsPerUser: 3 });
    const first = harness.connect("paging");
    for (const id of ["a", "b", "b", "c"]) harness.subscribe(first.id, { id, table, query: everything });
    expect(brief(messages(first.socket))).toEqual(["ack ready", "ack ready", "ack ready", "error UNSUPPORTED"]);
    const second = harness.connect("paging");
    for (const id of ["a", "b"]) harness.subscribe(second.id, { id, table, query: everything });
    expect(brief(messages(second.socket))).toEqual(["ack ready", "error SUBSCRIPTION_LIMIT_EXCEEDED"]);
  });

  test.each<[string, string, object | undefined]>([
    ["of an unknown subscription", "other", {}],
    ["of one without initial data", "s", undefined],
    ["of one that is complete", "s", {}],
  ])("LQ-06 next_batch %s is BATCH_FETCH_FAILED", async (_why, id, options) => {
    const harness = started();
    const { id: connection, socket } = harness.connect("paging");
    harness.subscribe(connection, { id: "s", table, query: everything, ...(options === undefined ? {} : { options }) });
    await settle();
    messages(socket);
    harness.live.nextBatch(connection, id, undefined);
    expect(brief(messages(socket))).toEqual(["error BATCH_FETCH_FAILED"]);
  });

  test("calls for a connection that is gone do nothing", () => {
    const harness = started();
    const id = newConnectionId();
    harness.subscribe(id, { id: "s", table, query: everything });
    harness.live.nextBatch(id, "s", undefined);
    harness.live.unsubscribe(id, "s");
    harness.live.drained(id);
    harness.live.disconnect(id);
    expect(harness.live.killConnection(id)).toBe(false);
    expect(harness.live.indexEntries).toBe(0);
  });
});

describe("the end of a subscription", () => {
  test("LQ-03 unsubscribe stops one subscription, leaves the rest, and may be repeated", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    for (const name of ["one", "two"]) harness.subscribe(id, { id: name, table, query: everything });
    harness.live.unsubscribe(id, "one");
    harness.live.unsubscribe(id, "one");
    harness.live.unsubscribe(id, `ann-${id}-two`);
    expect(messages(socket).slice(2)).toEqual([
      { type: "unsubscribed", subscription_id: "one", found: true },
      { type: "unsubscribed", subscription_id: "one", found: false },
      { type: "unsubscribed", subscription_id: `ann-${id}-two`, found: true },
    ]);
    harness.write(table, "ann", message(1));
    expect(messages(socket)).toEqual([]);
  });

  test("LQ-01 a subscribe under an active id replaces it: the old one delivers nothing more, even if it was still loading", async () => {
    const harness = new Harness();
    harness.write(table, "ann", message(1, "a"), message(2, "b"));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: {} });
    harness.subscribe(id, { id: "s", table, query: inRoom("b"), options: {} });
    for (let turn = 0; turn < 4; turn++) harness.store.advance(0);
    await settle();
    const received = messages(socket);
    expect(brief(received)).toEqual(["ack ready", "batch 0 rows=1 ready"]);
    expect(received[1]?.["rows"]).toEqual([expect.objectContaining({ id: "2" })]);
    expect(harness.live.counters().subscriptions).toBe(1);
  });

  test("LQ-03 a subscription that ends while it waits for its turn to read never reads", async () => {
    const harness = new Harness({ readsPerConnection: 1 });
    const { id } = harness.connect("native");
    for (const name of ["one", "two"]) harness.subscribe(id, { id: name, table, query: everything, options: {} });
    harness.live.unsubscribe(id, "two");
    harness.store.immediate = true;
    for (let turn = 0; turn < 2; turn++) harness.store.advance(0);
    await settle();
    expect(harness.store.requests).toHaveLength(1);
  });

  test("LQ-16 a shape subscribed again joins the group that others kept", () => {
    const harness = started();
    const kept = harness.connect("native");
    const again = harness.connect("native");
    for (const { id } of [kept, again]) harness.subscribe(id, { id: "s", table, query: everything });
    harness.live.unsubscribe(again.id, "s");
    harness.subscribe(again.id, { id: "s", table, query: everything });
    expect(harness.live.counters()).toMatchObject({ subscriptions: 2, groups: 1 });
  });

  test("LQ-13 KILL LIVE QUERY tells the client and leaves its socket open", () => {
    const harness = started();
    const peer = harness.connect("paging", "ann-with-dashes");
    const native = harness.connect("native", "bob");
    harness.subscribe(peer.id, { id: "a-b", table, query: everything });
    harness.subscribe(native.id, { id: "s", table, query: everything });
    messages(peer.socket);
    messages(native.socket);
    const liveId = `ann-with-dashes-${peer.id}-a-b`;
    expect(harness.live.ownerOf(liveId)).toBe(parseUserId("ann-with-dashes"));
    expect([harness.live.kill(liveId), harness.live.kill(liveId)]).toEqual([true, false]);
    expect(harness.live.kill(`bob-${native.id}-s`)).toBe(true);
    expect(harness.live.kill(`ann-${native.id}-s`)).toBe(false);
    expect(messages(peer.socket)).toEqual([
      expect.objectContaining({ type: "error", code: "KILLED", subscription_id: "a-b" }),
    ]);
    expect(brief(messages(native.socket))).toEqual(["killed"]);
    expect([peer.socket.closed, native.socket.closed]).toEqual([undefined, undefined]);
    expect([...harness.live.rows()]).toEqual([]);
  });

  test.each<[string, "paging" | "native", "killed" | "tokenExpired" | "revoked", { code: number; reason: string }]>([
    ["a killed peer connection", "paging", "killed", { code: 1008, reason: "Connection killed" }],
    ["a killed native connection", "native", "killed", { code: 4002, reason: "Connection killed" }],
    ["a token that expired", "native", "tokenExpired", { code: 4001, reason: "Token expired" }],
    ["a role that was revoked", "paging", "revoked", { code: 1008, reason: "Access revoked" }],
  ])(
    "LQ-13 LQ-14 %s is closed with its code, and nothing of it is left in the same tick",
    (_why, family, reason, closed) => {
      const harness = started();
      const { id, socket } = harness.connect(family);
      harness.subscribe(id, { id: "s", table, query: everything, options: {} });
      messages(socket);
      expect(harness.live.killConnection(id, reason)).toBe(true);
      expect(socket.closed).toEqual(closed);
      expect(brief(messages(socket))).toEqual(reason === "tokenExpired" ? ["expired"] : []);
      expect(harness.live.indexEntries).toBe(0);
    },
  );

  test("LQ-14 dropping a user closes all of its connections and none of another's", () => {
    const harness = started();
    const mine = [harness.connect("native"), harness.connect("paging")];
    const other = harness.connect("native", "bob");
    expect(harness.live.dropUser(parseUserId("ann"), "revoked")).toBe(2);
    expect(mine.map(({ socket }) => socket.closed?.code)).toEqual([4004, 1008]);
    expect(other.socket.closed).toBeUndefined();
  });

  test("LQ-02 shutdown closes every socket and empties the view", () => {
    const harness = started();
    const connections = [harness.connect("native"), harness.connect("paging", "bob")];
    for (const { id } of connections) harness.subscribe(id, { id: "s", table: shared, query: everything });
    harness.live.closeAll();
    expect(connections.map(({ socket }) => socket.closed?.code)).toEqual([1001, 1001]);
    expect(harness.live.indexEntries).toBe(0);
  });

  test("LQ-12 a socket that is lost in the middle of a commit loses all of its subscriptions at once, and the others get theirs", async () => {
    const harness = started();
    const slow = harness.connect("paging");
    const fine = harness.connect("paging");
    for (const { id } of [slow, fine]) harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    messages(fine.socket);
    slow.socket.failing = true;
    harness.write(table, "ann", message(1), message(2));
    expect([...harness.live.connections()].map((row) => row.connectionId)).toEqual([fine.id]);
    expect(brief(messages(fine.socket))).toEqual(["insert", "insert"]);
    expect(harness.live.counters().slowConsumers).toBe(1);
  });

  test("LQ-16 a lone native subscriber is sent its frames; with the second both are on the topic, and every change comes and counts once", async () => {
    const harness = started();
    const first = harness.connect("native");
    harness.subscribe(first.id, { id: "s", table, query: everything, options: {} });
    await settle();
    messages(first.socket);
    harness.write(table, "ann", message(1));
    expect([harness.sockets.published, first.socket.topics.size]).toEqual([0, 0]);
    const second = harness.connect("native");
    harness.subscribe(second.id, { id: "t", table, query: everything, options: {} });
    await settle();
    messages(second.socket);
    harness.write(table, "ann", message(2), message(3));
    expect([harness.sockets.published, first.socket.topics.size, second.socket.topics.size]).toEqual([1, 1, 1]);
    expect(brief(messages(first.socket))).toEqual(["changes insert", "changes insert insert"]);
    expect(brief(messages(second.socket))).toEqual(["changes insert insert"]);
    expect([...harness.live.rows()].map(({ changes }) => changes)).toEqual([3, 2]);
    harness.live.disconnect(second.id);
    harness.write(table, "ann", message(4));
    expect(brief(messages(first.socket))).toEqual(["changes insert"]);
    expect([...harness.live.rows()].map(({ changes }) => changes)).toEqual([4]);
  });

  test("LQ-02 OP-04 nothing is left in any index after 100,000 subscriptions have come and gone", async () => {
    const harness = started({ subscriptionsPerConnection: 1_000 });
    const queries = [everything, inRoom("a"), inRoom("b"), scoreAbove(1), scoreAbove(2), unscored];
    for (let round = 0; round < 500; round++) {
      const { id, socket } = harness.connect(round % 2 === 0 ? "native" : "paging", `user${round % 7}`);
      for (let index = 0; index < 200; index++) {
        const query = queries[index % queries.length] ?? everything;
        harness.subscribe(id, {
          id: `s${index}`,
          table,
          query,
          user: `user${round % 7}`,
          ...(index % 3 === 0 ? { options: {} } : {}),
        });
        if (index % 2 === 0) harness.live.unsubscribe(id, `s${index}`);
      }
      if (round % 10 === 0) harness.write(table, `user${round % 7}`, message(round));
      harness.live.disconnect(id);
      harness.sockets.gone(id);
      expect(socket.topics.size).toBe(0);
    }
    await settle();
    expect(harness.live.indexEntries).toBe(0);
    expect(harness.live.counters()).toMatchObject({ connections: 0, subscriptions: 0, groups: 0, heldBytes: 0 });
  }, 240_000);
});

describe("what an administrator sees", () => {
  test("LQ-02 LQ-05 one row a subscription, with its query, options, counts and queue", async () => {
    const harness = new Harness();
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 10 } });
    harness.write(table, "ann", message(1));
    harness.nowMs += 250;
    socket.queuedBytes = 77;
    expect([...harness.live.rows()]).toEqual([
      {
        liveId: `ann-${id}-s`,
        connectionId: id,
        subscriptionId: "s",
        userId: "ann",
        namespaceId: "chat",
        tableName: "user_messages",
        query: "SELECT … all",
        options: '{"batch_size":10}',
        status: "active",
        phase: "opening",
        changes: 0,
        node: 1,
        createdAtMs: 1_000,
        lastUpdateMs: 1_000,
        lastSeq: undefined,
        queueBytes: 77,
        lagMs: 250,
      },
    ]);
    harness.store.advance(0);
    harness.store.advance(0);
    await settle();
    harness.write(table, "ann", message(2));
    expect([...harness.live.rows()]).toMatchObject([
      { phase: "live", changes: 1, lagMs: 0, lastSeq: 102n, lastUpdateMs: 1_250 },
    ]);
  });

  test("LQ-15 the number of live queries of a table is known", () => {
    const harness = started();
    const { id } = harness.connect("paging");
    for (const name of ["one", "two"]) harness.subscribe(id, { id: name, table, query: everything });
    expect([harness.live.subscriptionsOf(table.id), harness.live.subscriptionsOf(tableIdOf(99))]).toEqual([2, 0]);
  });

  test("LQ-11 a quiet native group is told the position, a busy one is not", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "quiet", table, query: inRoom("z") });
    harness.subscribe(id, { id: "busy", table, query: inRoom("a") });
    const [quiet] = messages(socket);
    harness.write(table, "ann", message(1));
    messages(socket);
    harness.live.progress();
    expect(messages(socket)).toEqual([{ type: "progress", channel: quiet?.["channel"], seq: "101" }]);
  });
});
