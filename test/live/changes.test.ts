// What a commit sends to whom, and what it costs.
import { describe, expect, test } from "bun:test";
import { parseServerMessage } from "../../src/protocol/server-message.ts";
import { brief } from "./support/brief.ts";
import {
  chatTable,
  everything,
  inRoom,
  message,
  type Query,
  removed,
  scoreAbove,
  unscored,
} from "./support/chat-table.ts";
import { messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");
const shared = chatTable("shared", 2);

describe("changes", () => {
  test("LQ-08 LQ-10 a row enters, changes, leaves and is deleted, with the values wire.md names", async () => {
    const harness = started();
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: {} });
    await settle();
    messages(socket);
    harness.write(table, "ann", message(1, "b"));
    harness.write(table, "ann", message(1, "a"));
    harness.write(table, "ann", message(1, "a", null));
    harness.write(table, "ann", message(1, null));
    harness.write(table, "ann", message(1, "a", 5));
    harness.write(table, "ann", removed(1));
    expect(messages(socket)).toEqual([
      {
        type: "change",
        subscription_id: "s",
        change_type: "insert",
        rows: [{ id: "1", room: "a", score: 1, _seq: "102", _deleted: false }],
      },
      {
        type: "change",
        subscription_id: "s",
        change_type: "update",
        rows: [{ id: "1", room: "a", score: null, _seq: "103" }],
        old_values: [{ id: "1", score: 1, _seq: "102" }],
      },
      {
        type: "change",
        subscription_id: "s",
        change_type: "delete",
        old_values: [{ id: "1", room: "a", score: null, _seq: "104", _deleted: true }],
      },
      {
        type: "change",
        subscription_id: "s",
        change_type: "insert",
        rows: [{ id: "1", room: "a", score: 5, _seq: "105", _deleted: false }],
      },
      {
        type: "change",
        subscription_id: "s",
        change_type: "delete",
        old_values: [{ id: "1", room: "a", score: 5, _seq: "106", _deleted: true }],
      },
    ]);
  });

  test("LQ-16 LQ-19 a commit is one frame for a native group, encoded and published once however many share it", async () => {
    const harness = started();
    const clients = ["ann", "bob", "cyd"].map((user) => harness.connect("native", user));
    for (const [index, { id }] of clients.entries()) {
      harness.subscribe(id, { id: `mine-${index}`, table: shared, query: inRoom("a"), options: {} });
    }
    await settle();
    for (const { socket } of clients) messages(socket);
    const sent = harness.sockets.sent;
    harness.write(shared, "ann", message(1), message(2), message(3, "b"));
    expect([harness.sockets.published, harness.sockets.sent - sent, harness.evaluations.count]).toEqual([1, 0, 2]);
    for (const { socket } of clients) expect(brief(messages(socket))).toEqual(["changes insert insert"]);
    expect([...harness.live.rows()].map((row) => row.changes)).toEqual([2, 2, 2]);
    expect(harness.live.counters().groups).toBe(1);
  });

  test("LQ-16 the messages that a commit is to a peer leave its socket together", async () => {
    const harness = started();
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "mine", table: shared, query: inRoom("a"), options: {} });
    await settle();
    messages(socket);
    const { sends, sent } = harness.sockets;
    harness.write(shared, "ann", message(1), message(2), message(3, "b"), message(4));
    expect(messages(socket).map(({ rows }) => rows)).toMatchObject([[{ id: "1" }], [{ id: "2" }], [{ id: "4" }]]);
    expect([harness.sockets.sends - sends, harness.sockets.sent - sent]).toEqual([1, 3]);
  });

  test("LQ-16 two subscriptions of one native connection never share a channel", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    for (const name of ["one", "two"]) harness.subscribe(id, { id: name, table, query: everything, options: {} });
    await settle();
    const channels = messages(socket).flatMap((each) => (each["type"] === "subscription_ack" ? [each["channel"]] : []));
    expect(new Set(channels).size).toBe(2);
    harness.write(table, "ann", message(1));
    expect(messages(socket).map((each) => each["channel"])).toEqual(channels);
  });

  test("LQ-16 the cost of a change does not grow with groups that cannot match it", async () => {
    const harness = started({ subscriptionsPerConnection: 10_000 });
    const { id } = harness.connect("native");
    for (let index = 0; index < 2_000; index++) {
      const query: Query = index % 2 === 0 ? inRoom(`room ${index}`) : scoreAbove(1_000 + index);
      harness.subscribe(id, { id: `s${index}`, table, query });
    }
    harness.write(table, "ann", message(1, "room 4", 3));
    expect(harness.evaluations.count).toBe(1);
    harness.write(table, "ann", message(1, "room 6", 1_003));
    // The old room, the new room and the lowest score bound, each asked about the old and the new row.
    expect(harness.evaluations.count).toBe(1 + 3 * 2);
    expect(harness.live.counters().groupsVisited).toBe(1 + 3);
  });

  test("LQ-04 TB-03 a change of a USER table reaches no group of another user, nor asks it", async () => {
    const harness = started();
    const bob = harness.connect("paging", "bob");
    harness.subscribe(bob.id, { id: "s", table, query: unscored, user: "bob", options: {} });
    await settle();
    messages(bob.socket);
    harness.write(table, "ann", message(1));
    expect([harness.evaluations.count, messages(bob.socket)]).toEqual([0, []]);
  });

  test("LQ-09 a predicate that throws ends its subscriptions with an error, and no others", async () => {
    const harness = started();
    const failing: Query = {
      name: "1 / score",
      slots: [],
      predicate: (row) => {
        if (row[2] === 0) throw new Error("division by zero");
        return true;
      },
    };
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "bad", table, query: failing, options: {} });
    harness.subscribe(id, { id: "good", table, query: everything, options: {} });
    await settle();
    messages(socket);
    harness.write(table, "ann", message(1, "a", 1), message(2, "a", 0), message(3, "a", 3));
    expect(brief(messages(socket))).toEqual(["error SUBSCRIPTION_FAILED", "insert", "insert", "insert"]);
    expect([...harness.live.rows()].map((row) => row.subscriptionId)).toEqual(["good"]);
  });

  test("LQ-12 a change that cannot be looked up ends the subscriptions of its table with an error: none goes on with a hole", async () => {
    const harness = started();
    const { id, socket } = harness.connect("paging");
    for (const name of ["one", "two"]) harness.subscribe(id, { id: name, table, query: inRoom(name), options: {} });
    await settle();
    messages(socket);
    // The log of recent changes reads them first, the search for groups next.
    let reads = 0;
    const cells = [...message(1).cells];
    const failing = Object.assign([...cells], {
      [Symbol.iterator]: () => {
        reads += 1;
        if (reads > 1) throw new Error("no such row");
        return cells.values();
      },
    });
    harness.write(table, "ann", { cells: failing });
    expect(brief(messages(socket))).toEqual(["error SUBSCRIPTION_FAILED", "error SUBSCRIPTION_FAILED"]);
    expect([...harness.live.rows()]).toEqual([]);
  });

  test("LQ-09 a snapshot that fails ends its subscription with an error", async () => {
    const harness = started();
    harness.store.failure = new Error("disk on fire");
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    expect(brief(messages(socket))).toEqual(["ack resumed=false", "error SUBSCRIPTION_FAILED"]);
    expect([...harness.live.rows()]).toEqual([]);
  });

  test("a MessagePack socket gets the same changes in its own notation", async () => {
    const harness = started();
    const { id, socket } = harness.connect("paging", "ann", "msgpack");
    harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    socket.frames.length = 0;
    harness.write(table, "ann", message(1));
    const [frame] = socket.frames;
    expect(frame).toBeInstanceOf(Uint8Array);
    expect(frame instanceof Uint8Array && new TextDecoder().decode(frame).includes("insert")).toBe(true);
  });
});

test("CL-02 what a native client is sent is what the client's own parser takes", async () => {
  const harness = started();
  harness.write(table, "ann", message(1));
  const { id, socket } = harness.connect("native");
  harness.subscribe(id, { id: "s", table, query: { ...everything, projection: [1] }, options: {} });
  await settle();
  harness.write(table, "ann", message(2), removed(1));
  harness.live.unsubscribe(id, "s");
  const kinds = socket.frames.map((frame) =>
    typeof frame === "string" ? parseServerMessage(JSON.parse(frame))?.kind : "",
  );
  expect(kinds).toEqual(["ack", "snapshot", "changes", "unsubscribed"]);
});
