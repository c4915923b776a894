// LQ-12: what the policy of a subscription does to a socket that does not keep up.
import { describe, expect, test } from "bun:test";
import { brief } from "./support/brief.ts";
import { chatTable, everything, inRoom, message, removed } from "./support/chat-table.ts";
import type { Family } from "./support/clients.ts";
import { type Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");

async function subscribed(family: Family, slow: "disconnect" | "latest", limits = {}) {
  const harness = started({ pushAheadBytes: 100, ...limits });
  harness.write(table, "ann", message(1), message(2));
  const { id, socket } = harness.connect(family);
  harness.subscribe(id, { id: "s", table, query: everything, options: { slow } });
  await settle();
  messages(socket);
  return { harness, id, socket };
}

function congest({ harness, socket }: { readonly harness: Harness; readonly socket: { queuedBytes: number } }): void {
  socket.queuedBytes = 101;
  harness.write(table, "ann", message(1, "b"));
  harness.write(table, "ann", message(3), message(4));
  harness.write(table, "ann", message(1, "c"), removed(2));
  harness.write(table, "ann", removed(4));
}

describe("LQ-12 the policy `latest`", () => {
  test("squashes by key while the socket is slow, and sends one frame when it has drained", async () => {
    const at = await subscribed("native", "latest");
    congest(at);
    expect(messages(at.socket)).toEqual([]);
    const [row] = [...at.harness.live.rows()];
    expect(row?.queueBytes).toBeGreaterThan(101);
    expect([...at.harness.live.connections()][0]?.queueBytes).toBe(row?.queueBytes ?? -1);
    expect(row?.changes).toBe(0);
    at.socket.queuedBytes = 0;
    at.harness.live.drained(at.id);
    const [frame, ...rest] = messages(at.socket);
    expect(rest).toEqual([]);
    expect(frame).toMatchObject({ type: "changes", subscription_id: "s", seq: "108" });
    expect(frame?.["changes"]).toMatchObject([
      { op: "insert", key: ["3"] },
      { op: "update", key: ["1"], row: ["1", "c", 1, "106", false], old: ["1", "a", 1, "101", false] },
      { op: "delete", key: ["2"] },
    ]);
    expect([...at.harness.live.rows()][0]).toMatchObject({ queueBytes: 0, changes: 3 });
  });

  test("is there for peers too: one message a key, in the order of `_seq`", async () => {
    const at = await subscribed("paging", "latest");
    congest(at);
    at.socket.queuedBytes = 0;
    at.harness.live.drained(at.id);
    expect(brief(messages(at.socket))).toEqual(["insert", "update", "delete"]);
  });

  test("sends at once while the socket keeps up, and never overtakes what waits", async () => {
    const at = await subscribed("native", "latest");
    at.harness.write(table, "ann", message(5));
    expect(brief(messages(at.socket))).toEqual(["changes insert"]);
    congest(at);
    at.socket.queuedBytes = 0;
    at.harness.write(table, "ann", message(6));
    expect(messages(at.socket)).toEqual([]);
    at.harness.live.drained(at.id);
    expect(brief(messages(at.socket))).toEqual(["changes insert update delete insert"]);
  });

  test("the cursor of a quiet subscription does not pass what waits", async () => {
    const at = await subscribed("native", "latest");
    at.harness.live.progress();
    expect(brief(messages(at.socket))).toEqual(["progress"]);
    congest(at);
    at.harness.live.progress();
    at.harness.live.progress();
    expect(messages(at.socket)).toEqual([]);
  });

  test("leaves the others of its group alone", async () => {
    const at = await subscribed("native", "latest");
    const other = at.harness.connect("native");
    at.harness.subscribe(other.id, { id: "o", table, query: everything, options: {} });
    await settle();
    messages(other.socket);
    expect(at.harness.live.counters().groups).toBe(1);
    congest(at);
    expect(messages(other.socket).length).toBe(4);
  });

  test("closes the socket when more keys wait than the bound, with a code to resume after", async () => {
    const at = await subscribed("native", "latest", { latestKeys: 2 });
    at.socket.queuedBytes = 101;
    for (let n = 10; n < 13; n++) at.harness.write(table, "ann", message(n));
    expect(at.socket.closed).toMatchObject({ code: 4003 });
    expect(at.harness.live.counters()).toMatchObject({ connections: 0, subscriptions: 0, slowConsumers: 1 });
  });
});

test("LQ-12 without a policy changes are sent however slow the socket is, until it is lost", async () => {
  const at = await subscribed("paging", "disconnect");
  congest(at);
  expect(messages(at.socket).length).toBe(6);
  at.socket.failing = true;
  at.harness.write(table, "ann", message(9));
  expect(at.harness.live.counters()).toMatchObject({ connections: 0, slowConsumers: 1 });
});

test("LQ-08 a filter squashed over enter and leave says nothing of a row the client never had", async () => {
  const harness = started({ pushAheadBytes: 100 });
  const { id, socket } = harness.connect("native");
  harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { slow: "latest" } });
  await settle();
  messages(socket);
  socket.queuedBytes = 101;
  harness.write(table, "ann", message(1, "a"));
  harness.write(table, "ann", message(1, "b"));
  socket.queuedBytes = 0;
  harness.live.drained(id);
  const [frame] = messages(socket);
  // The position moves on, so that a resume does not begin before it.
  expect(frame).toMatchObject({ type: "changes", seq: "102", changes: [] });
});

test("LQ-05 lag_ms is the age of the oldest change that the socket has not taken", async () => {
  const harness = started();
  const slow = harness.connect("paging");
  harness.subscribe(slow.id, { id: "s", table, query: inRoom("a"), options: {} });
  const squashed = harness.connect("native");
  harness.subscribe(squashed.id, { id: "s", table, query: inRoom("a"), options: { slow: "latest" } });
  const shared = harness.connect("native");
  harness.subscribe(shared.id, { id: "s", table, query: inRoom("a"), options: {} });
  await settle();
  const lags = (): readonly number[] => [...harness.live.rows()].map(({ lagMs }) => lagMs);
  expect(lags()).toEqual([0, 0, 0]);
  for (const { socket } of [slow, squashed, shared]) socket.queuedBytes = 1_000_000;
  harness.write(table, "ann", message(1));
  harness.nowMs += 300;
  expect(lags()).toEqual([300, 300, 300]);
  harness.nowMs += 200;
  harness.write(table, "ann", message(2));
  harness.live.lookAtQueues();
  expect(lags()).toEqual([500, 500, 500]);
  for (const { id, socket } of [slow, squashed, shared]) {
    socket.queuedBytes = 0;
    harness.live.drained(id);
  }
  expect(lags()).toEqual([0, 0, 0]);
});

test("LQ-12 of many sockets that are behind a few are looked at each second, and each of them in turn", async () => {
  const harness = started();
  for (let count = 0; count < 180; count++) {
    const client = harness.connect("native");
    harness.subscribe(client.id, { id: "s", table, query: inRoom("a") });
    // All that it was sent, and more.
    client.socket.queuedBytes = 1_000_000;
  }
  await settle();
  const read = (): number => {
    const before = harness.sockets.queuesRead;
    harness.nowMs += 1_000;
    harness.write(table, "ann", message(1));
    harness.live.lookAtQueues();
    return harness.sockets.queuesRead - before;
  };
  expect([read(), read(), read(), read(), read()]).toEqual([50, 50, 50, 30, 50]);
  // Whoever was not looked at is told right all the same.
  harness.nowMs += 500;
  expect(new Set([...harness.live.rows()].map(({ lagMs }) => lagMs))).toEqual(new Set([5_500]));
});
