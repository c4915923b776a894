// Many loads at once: a few reads at a time, equal ones made once, none for who is gone, and a hint for who cannot be served.
import { expect, test } from "bun:test";
import { brief } from "./support/brief.ts";
import { chatTable, inRoom, message, removed } from "./support/chat-table.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("shared");

test("LQ-11 a storm of loads is read a few at a time, and equal ones that wait are read once", async () => {
  const harness = new Harness({ readsAtOnce: 2 });
  harness.write(table, "ann", message(1), message(2));
  const clients = Array.from({ length: 50 }, () => harness.connect("native"));
  for (const { id } of clients) harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: {} });
  expect(harness.store.pending.length).toBe(2);
  harness.store.immediate = true;
  for (let turn = 0; turn < 4; turn++) harness.store.advance(0);
  await settle();
  const whole = ["ack resumed=false", "snapshot rows=2 deleted=0 ready=true"];
  expect(clients.map(({ socket }) => brief(messages(socket)))).toEqual(clients.map(() => whole));
  // The first, which began alone; the second, which began before the others came; and one for all of them.
  expect(harness.store.requests.length).toBe(3);
});

test("LQ-07 who comes while an equal read is under way gets a read of its own", async () => {
  const harness = new Harness({ readsAtOnce: 5 });
  harness.write(table, "ann", message(1));
  const first = harness.connect("native");
  harness.subscribe(first.id, { id: "s", table, query: inRoom("a"), options: {} });
  harness.store.advance(0);
  harness.write(table, "ann", message(2));
  const second = harness.connect("native");
  harness.subscribe(second.id, { id: "s", table, query: inRoom("a"), options: {} });
  expect(harness.store.pending.length).toBe(2);
});

test("LQ-11 a read for clients that are all gone is not made", async () => {
  const harness = new Harness({ readsAtOnce: 1 });
  const [first, second, third] = [harness.connect("native"), harness.connect("native"), harness.connect("native")];
  for (const { id } of [first, second]) {
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: {} });
  }
  harness.subscribe(third.id, { id: "s", table, query: inRoom("b"), options: {} });
  harness.live.disconnect(second.id);
  harness.store.immediate = true;
  harness.store.advance(0);
  harness.store.advance(0);
  await settle();
  expect(brief(messages(third.socket)).at(-1)).toBe("snapshot rows=0 deleted=0 ready=true");
  expect(harness.store.requests.length).toBe(2);
});

test("LQ-11 past the bound a native client is told when to come back, spread over time, and a peer's socket is closed for it to reconnect", () => {
  const harness = new Harness({ readsAtOnce: 1, readsWaiting: 1 });
  const rooms = ["a", "b", "c", "d"];
  const natives = rooms.map((room) => {
    const client = harness.connect("native");
    harness.subscribe(client.id, { id: "s", table, query: inRoom(room), options: {} });
    return client;
  });
  const peer = harness.connect("paging");
  harness.subscribe(peer.id, { id: "s", table, query: inRoom("e"), options: {} });
  return settle().then(() => {
    const refused = natives.slice(2).map(({ socket }) => messages(socket).at(-1));
    expect(refused.map((each) => [each?.["type"], each?.["code"]])).toEqual([
      ["error", "SERVER_BUSY"],
      ["error", "SERVER_BUSY"],
    ]);
    const delays = refused.map((each) => Number(each?.["retry_after_ms"]));
    expect(new Set(delays).size).toBe(2);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_000);
    expect(peer.socket.closed?.code).toBe(1013);
    expect(harness.live.counters().subscriptions).toBe(2);
  });
});

test("LQ-11 recent history needs no read, a page at a time", async () => {
  const harness = started();
  harness.write(table, "ann", message(1), message(2), message(3));
  harness.write(table, "ann", removed(1), message(2, "b"), message(4));
  const { id, socket } = harness.connect("native");
  harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { from: 103n, batchSize: 2 } });
  await settle();
  expect(brief(messages(socket))).toEqual([
    "ack resumed=true",
    "snapshot rows=0 deleted=2 ready=false",
    "snapshot rows=1 deleted=0 ready=true",
  ]);
  expect(harness.store.requests).toEqual([]);
  expect(harness.live.counters()).toMatchObject({ reads: 0, readsFromMemory: 2 });
});

test("LQ-07 memory does not answer a page after one that was ahead of dispatch", async () => {
  const harness = new Harness();
  harness.write(table, "ann", message(1));
  const ahead = harness.store.commit([{ table, scope: harness.scope(table, "ann"), cells: message(2).cells }]);
  const reader = harness.connect("native");
  harness.subscribe(reader.id, { id: "s", table, query: inRoom("a"), options: {} });
  harness.store.immediate = true;
  harness.store.advance(0);
  harness.store.advance(0);
  await settle();
  const resumed = harness.connect("native");
  harness.subscribe(resumed.id, { id: "s", table, query: inRoom("a"), options: { from: 101n } });
  await settle();
  expect(harness.store.requests.map(({ kind }) => kind)).toEqual(["snapshot", "history"]);
  harness.store.markDispatched(ahead);
  harness.live.dispatch(ahead);
  await settle();
  expect(brief(messages(resumed.socket))).toEqual(["ack resumed=true", "snapshot rows=1 deleted=0 ready=true"]);
});
