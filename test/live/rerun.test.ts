// Live queries that cannot be decided in the tick of a commit: row by row in a query process, or by running the query again.
import { describe, expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { brief } from "./support/brief.ts";
import { chatTable, message, removed, roomLike, scoredInShared } from "./support/chat-table.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");
const shared = chatTable("shared", 2);

/** Lets one pending read take its rows and answer. */
async function answer(harness: Harness): Promise<void> {
  harness.store.advance(0);
  harness.store.advance(0);
  await settle();
}

describe("LQ-09 a query with a sub-query is run again", () => {
  test("rows come and go with commits of the other table, in one frame at the position of the read", async () => {
    const harness = started();
    harness.write(table, "ann", message(1, "x", 7), message(2, "x", 8));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await settle();
    expect(brief(messages(socket))).toEqual(["ack resumed=false", "snapshot rows=0 deleted=0 ready=true"]);
    harness.write(shared, "ann", message(50, "a", 7), message(51, "a", 8));
    await settle();
    harness.write(shared, "ann", removed(50));
    await settle();
    harness.write(table, "ann", message(2, "y", 8));
    await settle();
    const frames = messages(socket);
    expect(brief(frames)).toEqual(["changes insert insert", "changes delete", "changes update"]);
    // A delete carries the position that ended the row, which no version of the row has.
    expect(frames.map((frame) => frame["seq"])).toEqual(["104", "105", "106"]);
    expect([...harness.live.rows()][0]?.changes).toBe(4);
  });

  test("a commit that changes nothing of the result sends nothing, and one of another user runs nothing", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    const reads = harness.store.requests.length;
    harness.write(table, "bob", message(1, "a", 1));
    await settle();
    expect(harness.store.requests.length).toBe(reads);
    harness.write(shared, "ann", message(60, "b", 1));
    await settle();
    expect(harness.store.requests.length).toBe(reads + 1);
    expect(messages(socket)).toEqual([]);
  });

  test("commits during a run lead to one more run, however many they are", async () => {
    const harness = new Harness();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await answer(harness);
    await settle();
    await answer(harness);
    messages(socket);
    harness.write(shared, "ann", message(50, "a", 7));
    harness.store.advance(0);
    for (let n = 1; n <= 20; n++) harness.write(table, "ann", message(n, "x", 7));
    expect(harness.store.pending.length).toBe(1);
    harness.store.advance(0);
    await settle();
    expect(messages(socket)).toEqual([]);
    expect(harness.store.pending.length).toBe(1);
    await answer(harness);
    expect(harness.store.pending.length).toBe(0);
    expect(messages(socket).map((frame) => (frame["changes"] as unknown[]).length)).toEqual([20]);
  });

  test("subscribers of one group share its runs; one that joins later starts from the result at hand", async () => {
    const harness = started();
    harness.write(shared, "ann", message(50, "a", 7));
    harness.write(table, "ann", message(1, "x", 7));
    for (const _ of [1, 2, 3]) {
      const { id, socket } = harness.connect("native");
      harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
      await settle();
      expect(brief(messages(socket)).at(-1)).toBe("snapshot rows=1 deleted=0 ready=true");
    }
    expect(harness.store.requests.length).toBe(1);
    expect(harness.live.counters().groups).toBe(1);
  });

  test("a resume is a reset and the whole result: no history tells what another table did", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: { from: 100n } });
    await settle();
    const frames = messages(socket);
    expect(brief(frames)).toEqual(["ack resumed=false", "reset", "snapshot rows=0 deleted=0 ready=true"]);
    expect(frames[1]).toMatchObject({ reason: "history" });
  });

  test.each([
    [
      "a whole snapshot in pages",
      { batchSize: 2 },
      ["snapshot rows=2 deleted=0 ready=false", "snapshot rows=1 deleted=0 ready=true"],
    ],
    ["the newest rows", { lastRows: 1 }, ["snapshot rows=1 deleted=0 ready=true"]],
    ["nothing", undefined, []],
  ])("it begins with %s", async (_what, options, pages) => {
    const harness = started();
    harness.write(shared, "ann", message(50, "a", 7));
    harness.write(table, "ann", message(1, "x", 7), message(2, "x", 7), message(3, "x", 7));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, ...(options === undefined ? {} : { options }) });
    await settle();
    harness.write(table, "ann", removed(2));
    await settle();
    expect(brief(messages(socket))).toEqual(["ack resumed=false", ...pages, "changes delete"]);
  });

  test("LQ-12 version 1 of the protocol refuses it by name: its clients would drop what enters late", async () => {
    const harness = started();
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    const [refused] = messages(socket);
    expect(refused).toMatchObject({ type: "error", code: "UNSUPPORTED" });
    expect(String(refused?.["message"])).toContain("a sub-query");
  });

  test.each([
    ["too many rows of one query", { rerunRows: 2 }, "error RESULT_TOO_LARGE"],
    ["too many rows of all queries", { rerunRowsTotal: 2 }, "error SERVER_BUSY"],
  ])("LQ-12 %s end it with an error, and what it kept is freed", async (_why, limits, error) => {
    const harness = started(limits);
    harness.write(shared, "ann", message(50, "a", 7));
    harness.write(table, "ann", message(1, "x", 7), message(2, "x", 7));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    harness.write(table, "ann", message(3, "x", 7));
    await settle();
    expect(brief(messages(socket))).toEqual([error]);
    harness.write(table, "ann", removed(3));
    harness.subscribe(id, { id: "t", table, query: scoredInShared, options: {} });
    await settle();
    expect(brief(messages(socket)).at(-1)).toBe("snapshot rows=2 deleted=0 ready=true");
  });

  test("a run that fails ends every subscription of the group with its error", async () => {
    const harness = started();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await settle();
    messages(socket);
    harness.store.failure = new DbError("STATEMENT_TIMEOUT", "canceling statement due to statement timeout");
    harness.write(shared, "ann", message(50, "a", 7));
    await settle();
    expect(brief(messages(socket))).toEqual(["error STATEMENT_TIMEOUT"]);
  });

  test("LQ-15 it counts as a live query of every table it reads", async () => {
    const harness = started();
    const { id } = harness.connect("native");
    const entries = harness.live.indexEntries;
    harness.subscribe(id, { id: "s", table, query: scoredInShared, options: {} });
    await settle();
    expect([harness.live.subscriptionsOf(table.id), harness.live.subscriptionsOf(shared.id)]).toEqual([1, 1]);
    harness.live.unsubscribe(id, "s");
    expect([harness.live.subscriptionsOf(table.id), harness.live.subscriptionsOf(shared.id)]).toEqual([0, 0]);
    expect(harness.live.indexEntries).toBe(entries);
  });
});

describe("LQ-09 a predicate without a bound on its time is put to a query process", () => {
  test("only changed rows are asked about, and every family hears in order", async () => {
    const harness = started();
    harness.write(table, "ann", ...Array.from({ length: 9 }, (_, n) => message(n, "a")));
    const [peer, native] = [harness.connect("paging"), harness.connect("native")];
    for (const { id } of [peer, native]) harness.subscribe(id, { id: "s", table, query: roomLike, options: {} });
    await settle();
    for (const { socket } of [peer, native]) messages(socket);
    harness.store.requests.length = 0;
    harness.write(table, "ann", message(1, "b"), message(2, "c"), message(20, "zz"));
    await settle();
    // Two old rows and three new ones, once for each group.
    expect(harness.store.requests).toEqual([
      { kind: "matching", limit: 5 },
      { kind: "matching", limit: 5 },
    ]);
    expect(brief(messages(peer.socket))).toEqual(["delete", "update"]);
    expect(brief(messages(native.socket))).toEqual(["changes delete update"]);
  });

  test("commits that wait for an answer are decided together and delivered one by one", async () => {
    const harness = new Harness();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: roomLike });
    messages(socket);
    for (let n = 1; n <= 3; n++) harness.write(table, "ann", message(n, "a"));
    harness.nowMs += 40;
    expect([...harness.live.rows()][0]?.lagMs).toBe(40);
    await answer(harness);
    await answer(harness);
    expect(brief(messages(socket))).toEqual(["changes insert", "changes insert", "changes insert"]);
    expect([...harness.live.rows()][0]?.lagMs).toBe(0);
  });

  test("the cursor of a quiet subscription never passes a commit that is not decided yet", async () => {
    const harness = new Harness();
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: roomLike });
    harness.live.progress();
    // One commit of three changes, at 101 to 103.
    harness.write(table, "ann", message(1, "a"), message(2, "a"), message(3, "a"));
    messages(socket);
    harness.live.progress();
    harness.live.progress();
    expect(messages(socket).map((frame) => frame["seq"])).toEqual(["100", "100"]);
  });

  test("LQ-12 a group that falls behind its bound ends with SERVER_BUSY", async () => {
    const harness = new Harness({ undecidedChanges: 2 });
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: roomLike });
    messages(socket);
    for (let n = 1; n <= 3; n++) harness.write(table, "ann", message(n, "a"));
    expect(brief(messages(socket))).toEqual(["error SERVER_BUSY"]);
    await answer(harness);
    expect(messages(socket)).toEqual([]);
  });
});
