// A table is altered while live queries load, wait and follow.
import { describe, expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { parseName } from "../../src/base/ids.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { TEXT } from "../../src/model/sql-type.ts";
import { brief } from "./support/brief.ts";
import { chatTable, everything, inRoom, message, type Query, roomLike, scoredInShared } from "./support/chat-table.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("shared");
const own = chatTable("user");
const shared = chatTable("shared", 2);

/** The table with one more column, in the version after. */
function grown(before: TableSchema, name: string): TableSchema {
  const id = Math.max(...before.columns.map((column) => column.id)) + 1;
  const column = { id, name: parseName(name), type: TEXT, nullable: true, default: undefined };
  return { ...before, columns: [...before.columns, column], version: before.version + 1 };
}

const kinds = (frames: readonly Record<string, unknown>[]): readonly unknown[] =>
  frames.map(({ type, schema }) => (Array.isArray(schema) ? [type, schema.length] : type));

describe("LQ-15", () => {
  test("a native subscription that loads across the change finishes in the old layout, then learns the new one", async () => {
    const harness = new Harness();
    harness.write(table, "ann", message(1));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    const next = grown(table, "note");
    harness.alter(next);
    const [read] = harness.store.pending;
    if (read === undefined) throw new Error("no read is waiting");
    const answer = read.run();
    harness.write(next, "ann", { cells: [2n, "a", 1, "new"] });
    answer();
    await settle();
    const frames = messages(socket);
    expect(kinds(frames)).toEqual([["subscription_ack", 5], "snapshot", ["schema", 6], "changes"]);
    expect(frames.at(-1)).toMatchObject({ changes: [{ op: "insert", row: ["2", "a", 1, "new", "102", false] }] });
    // Announced once: what follows needs no other schema.
    harness.write(next, "ann", { cells: [3n, "a", 1, "newer"] });
    expect(kinds(messages(socket))).toEqual(["changes"]);
  });

  test("live subscribers of one group are told by one frame, and each only once", async () => {
    const harness = started();
    const sockets = Array.from({ length: 3 }, () => harness.connect("native"));
    for (const { id } of sockets) harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    for (const { socket } of sockets) messages(socket);
    harness.alter(grown(table, "note"));
    harness.alter(grown(grown(table, "note"), "more"));
    for (const { socket } of sockets) {
      expect(kinds(messages(socket))).toEqual([
        ["schema", 6],
        ["schema", 7],
      ]);
    }
  });

  test("a change that leaves the columns of the list alone sends nothing", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: { ...inRoom("a"), projection: [0, 1] }, options: {} });
    await settle();
    messages(socket);
    const next = grown(table, "note");
    harness.alter(next);
    harness.write(next, "ann", { cells: [1n, "a", 1, "x"] }, { cells: [2n, "b", 1, "x"] });
    expect(messages(socket)).toMatchObject([{ type: "changes", changes: [{ op: "insert", row: ["1", "a"] }] }]);
  });

  test("subscribers from before and after the change share one group again", async () => {
    const harness = started();
    const [first, second] = [harness.connect("native"), harness.connect("native")];
    harness.subscribe(first.id, { id: "s", table, query: everything, options: {} });
    await settle();
    const next = grown(table, "note");
    harness.alter(next);
    harness.subscribe(second.id, { id: "s", table: next, query: everything, options: {} });
    await settle();
    expect(harness.live.counters().groups).toBe(1);
  });

  test("who may not read the new version is told why, in the same tick; nothing of it is left", async () => {
    const harness = started();
    const before = harness.live.indexEntries;
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    messages(socket);
    harness.authorize = () => {
      throw new DbError("PERMISSION_DENIED", "no longer");
    };
    const next = grown(table, "note");
    harness.alter(next);
    harness.write(next, "ann", { cells: [1n, "a", 1, "x"] });
    expect(messages(socket)).toMatchObject([{ type: "error", code: "PERMISSION_DENIED", message: "no longer" }]);
    harness.live.disconnect(id);
    expect(harness.live.indexEntries).toBe(before);
  });

  test("what waits for a slow native socket goes out in the old layout, then the schema, then rows of the new one", async () => {
    const harness = started({ pushAheadBytes: 100 });
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: { slow: "latest" } });
    await settle();
    messages(socket);
    socket.queuedBytes = 101;
    harness.write(table, "ann", message(1));
    expect(messages(socket)).toEqual([]);
    const next = grown(table, "note");
    harness.alter(next);
    harness.write(next, "ann", { cells: [2n, "a", 1, "new"] });
    socket.queuedBytes = 0;
    harness.live.drained(id);
    const frames = messages(socket);
    expect(kinds(frames)).toEqual(["changes", ["schema", 6], "changes"]);
    expect(frames[0]).toMatchObject({ changes: [{ op: "insert", row: ["1", "a", 1, "101", false] }] });
    expect(frames[2]).toMatchObject({ changes: [{ op: "insert", row: ["2", "a", 1, "new", "102", false] }] });
  });

  test("a key that moves is found at its new place by what squashes the changes of a slow socket", async () => {
    const harness = started({ pushAheadBytes: 100 });
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: { slow: "latest" } });
    await settle();
    messages(socket);
    const [key, ...others] = table.columns;
    if (key === undefined) throw new Error("the table has columns");
    const next = { ...table, columns: [...others, key], keyIndex: 2, version: 2 };
    harness.alter(next);
    messages(socket);
    socket.queuedBytes = 101;
    harness.write(next, "ann", { cells: ["a", 1, 1n] }, { cells: ["a", 1, 2n] });
    socket.queuedBytes = 0;
    harness.live.drained(id);
    expect(brief(messages(socket))).toEqual(["changes insert insert"]);
  });

  test("a socket that is lost while it is told leaves nothing of it behind", async () => {
    const harness = started({ pushAheadBytes: 100 });
    const before = harness.live.indexEntries;
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: { slow: "latest" } });
    await settle();
    socket.failing = true;
    harness.alter(grown(table, "note"));
    expect([harness.live.indexEntries, harness.live.counters().groups]).toEqual([before, 0]);
  });

  test("a regular expression follows the change when no commit waits for its answer", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: roomLike, options: {} });
    await settle();
    messages(socket);
    const next = grown(table, "note");
    harness.alter(next);
    harness.write(next, "ann", { cells: [1n, "a", 1, "new"] });
    await settle();
    expect(kinds(messages(socket))).toEqual([["schema", 6], "changes"]);
  });

  test("with a commit undecided in the old layout it ends with an error that asks to subscribe again at once", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: roomLike, options: {} });
    await settle();
    messages(socket);
    harness.store.immediate = false;
    harness.write(table, "ann", message(1));
    harness.alter(grown(table, "note"));
    expect(messages(socket)).toMatchObject([{ type: "error", code: "SUBSCRIPTION_FAILED", retry_after_ms: 0 }]);
    harness.store.advance(0);
    harness.store.advance(0);
    await settle();
    expect([messages(socket), harness.live.counters().groups]).toEqual([[], 0]);
  });

  test("a query that is run again ends so when its own rows get another layout", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table: own, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    harness.alter(grown(own, "note"));
    expect(messages(socket)).toMatchObject([{ type: "error", code: "SUBSCRIPTION_FAILED", retry_after_ms: 0 }]);
    expect(harness.live.counters().rerunRows).toBe(0);
  });

  test("it goes on when a table of its sub-query is altered", async () => {
    const harness = started();
    harness.write(own, "ann", message(1, "x", 7));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table: own, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    const next = grown(shared, "note");
    harness.alter(next);
    harness.write(next, "ann", { cells: [50n, "a", 7, "new"] });
    await settle();
    expect(brief(messages(socket))).toEqual(["changes insert"]);
  });

  test("who may not read a table of the sub-query any more is told so", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table: own, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    harness.authorize = () => {
      throw new DbError("PERMISSION_DENIED", "no longer");
    };
    harness.alter({ ...shared, version: 2 });
    expect(messages(socket)).toMatchObject([{ type: "error", code: "PERMISSION_DENIED" }]);
  });
});

describe("LQ-15 a table under more live queries than one turn of the loop plans again", () => {
  const rooms = ["a", "b", "c", "d", "e"];

  const sliced = async (limits = {}) => {
    const harness = started({ alteredAtOnce: 2, ...limits });
    const clients = rooms.map((room) => {
      const client = harness.connect("native");
      harness.subscribe(client.id, { id: "s", table, query: inRoom(room), options: {} });
      return client;
    });
    await settle();
    for (const { socket } of clients) messages(socket);
    const turns: (() => void)[] = [];
    harness.turn = () => new Promise((resolve) => void turns.push(resolve));
    const finish = async (): Promise<void> => {
      harness.turn = () => undefined;
      while (turns.length > 0) {
        for (const turn of turns.splice(0)) turn();
        await settle();
      }
    };
    return { harness, clients, finish };
  };
  const next = grown(table, "note");
  const inEachRoom = rooms.map((room, index) => ({ cells: [BigInt(index), room, 1, "new"] }));

  test.each([
    ["judged in one go", {}],
    ["judged one by one", { judgedAtOnce: 1 }],
  ])(
    "commits wait until the last, %s, is planned, and then reach everyone once, after the schema",
    async (_how, limits) => {
      const { harness, clients, finish } = await sliced(limits);
      harness.alter(next);
      harness.write(next, "ann", ...inEachRoom);
      harness.write(next, "ann", { cells: [0n, "b", 1, "moved"] });
      expect(clients.map(({ socket }) => messages(socket))).toEqual(rooms.map(() => []));
      expect(harness.evaluations.count).toBe(0);
      const late = harness.connect("native");
      harness.subscribe(late.id, { id: "s", table: next, query: everything, options: {} });
      await settle();
      await finish();
      expect(clients.map(({ socket }) => kinds(messages(socket)))).toEqual([
        [["schema", 6], "changes", "changes"],
        [["schema", 6], "changes", "changes"],
        ...rooms.slice(2).map(() => [["schema", 6], "changes"]),
      ]);
      expect(brief(messages(late.socket))).toEqual(["ack resumed=false", "snapshot rows=5 deleted=0 ready=true"]);
      harness.write(next, "ann", { cells: [9n, "a", 1, "after"] });
      expect([clients[0], late].map((client) => client && brief(messages(client.socket)))).toEqual([
        ["changes insert"],
        ["changes insert"],
      ]);
    },
  );

  test("who may not go on is told at once", async () => {
    const { harness, clients } = await sliced();
    harness.authorize = () => {
      throw new DbError("PERMISSION_DENIED", "no longer");
    };
    harness.alter(next);
    expect(clients.map(({ socket }) => messages(socket)[0]?.["code"])).toEqual(rooms.map(() => "PERMISSION_DENIED"));
    expect(harness.live.counters().groups).toBe(0);
  });

  test("L17 who may not go on is told so slice by slice, and of no change after", async () => {
    const { harness, clients, finish } = await sliced({ judgedAtOnce: 1 });
    harness.authorize = () => {
      throw new DbError("PERMISSION_DENIED", "no longer");
    };
    harness.alter(next);
    harness.write(next, "ann", ...inEachRoom);
    const codes = () => clients.flatMap(({ socket }) => messages(socket)).map((message) => message["code"]);
    expect(codes()).toEqual(["PERMISSION_DENIED"]);
    await finish();
    expect(codes()).toEqual(rooms.slice(1).map(() => "PERMISSION_DENIED"));
    expect([harness.evaluations.count, harness.live.counters().groups]).toEqual([0, 0]);
  });

  test("who subscribes while others are judged is neither judged by an older version nor left out of what follows", async () => {
    const { harness, finish } = await sliced({ judgedAtOnce: 1 });
    const last = grown(next, "more");
    harness.alter(next);
    harness.alter(last);
    const late = harness.connect("native");
    harness.subscribe(late.id, { id: "s", table: last, query: everything, options: {} });
    await finish();
    harness.write(last, "ann", { cells: [9n, "a", 1, "note", "more"] });
    const received = messages(late.socket);
    expect(received.map((message) => message["type"])).toEqual(["subscription_ack", "snapshot", "changes"]);
  });

  test.each([
    ["planned", {}],
    ["judged and planned", { judgedAtOnce: 1 }],
  ])("with too many changes waiting the rest is %s at once", async (_what, limits) => {
    const { harness, clients } = await sliced({ undispatchedChanges: 3, ...limits });
    harness.alter(next);
    harness.write(next, "ann", ...inEachRoom);
    expect(clients.map(({ socket }) => kinds(messages(socket)))).toEqual(rooms.map(() => [["schema", 6], "changes"]));
  });

  test("L17 altered again meanwhile, a change of the version between is told by the plan of that version", async () => {
    const { harness, clients, finish } = await sliced();
    const last = grown(next, "more");
    harness.alter(next);
    harness.write(next, "ann", ...inEachRoom);
    harness.alter(last);
    harness.write(last, "ann", ...rooms.map((room, index) => ({ cells: [BigInt(index), room, 1, "new", "newer"] })));
    await finish();
    for (const { socket } of clients) {
      const received = messages(socket);
      expect(kinds(received)).toEqual([["schema", 6], "changes", ["schema", 7], "changes"]);
      expect(brief(received.filter(({ type }) => type === "changes"))).toEqual(["changes insert", "changes update"]);
    }
  });

  test.each([
    ["a snapshot", {}, ["subscription_ack", "snapshot", "changes"]],
    ["no rows", { lastRows: 0 }, ["subscription_ack", "snapshot", "changes"]],
    ["nothing", undefined, ["subscription_ack", "changes"]],
  ])(
    "L17 who subscribes with %s when all were judged meets no change of the version between",
    async (_what, options, kindsReceived) => {
      const { harness, finish } = await sliced();
      const last = grown(next, "more");
      const widths = new Set<number>();
      const wide: Query = {
        name: "wide",
        slots: [],
        predicate: (row) => {
          widths.add(row.length);
          return true;
        },
      };
      harness.alter(next);
      harness.write(next, "ann", ...inEachRoom);
      harness.alter(last);
      const late = harness.connect("native");
      harness.subscribe(late.id, { id: "s", table: last, query: wide, ...(options === undefined ? {} : { options }) });
      await settle();
      // Reads of the store are none of its business here.
      harness.store.queries.set(wide.name, everything);
      // It waits for its version, and can go before that.
      expect(messages(late.socket)).toEqual([]);
      const gone = harness.connect("native");
      harness.subscribe(gone.id, { id: "s", table: last, query: wide, options: {} });
      harness.store.queries.set(wide.name, everything);
      harness.live.unsubscribe(gone.id, "s");
      await finish();
      harness.write(last, "ann", { cells: [9n, "a", 1, "note", "more"] });
      expect(messages(late.socket).map(({ type }) => type)).toEqual(kindsReceived);
      expect(messages(gone.socket).map(({ type }) => type)).toEqual(["unsubscribed"]);
      const [row] = [...harness.live.rows()].filter(({ connectionId }) => connectionId === late.id);
      expect(row).toMatchObject({ phase: "live", changes: 1 });
      expect([...widths]).toEqual([last.columns.length + 2]);
    },
  );
});

test("LQ-04 of a table that is altered or dropped, only its own live queries are looked at", async () => {
  const harness = started({ judgedAtOnce: 8 });
  const many = harness.connect("native");
  for (let n = 0; n < 100; n++) harness.subscribe(many.id, { id: `${n}`, table: shared, query: inRoom(`${n}`) });
  const { id, socket } = harness.connect("native");
  harness.subscribe(id, { id: "s", table, query: everything });
  messages(socket);
  // There is no other turn: whatever does not fit the first slice is not done.
  harness.turn = () => new Promise(() => undefined);
  harness.alter(grown(table, "note"));
  expect(kinds(messages(socket))).toEqual([["schema", 6]]);
  expect([harness.live.subscriptionsOf(table.id), harness.live.subscriptionsOf(shared.id)]).toEqual([1, 100]);
});
