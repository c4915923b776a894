// What a client gets that comes back with a cursor, or that fell behind while it loaded.
import { describe, expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { brief } from "./support/brief.ts";
import { chatTable, inRoom, message, removed, scoreAbove } from "./support/chat-table.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");

describe("resume", () => {
  const changedMeanwhile = async (family: "paging" | "message" | "native", options: object) => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    harness.write(table, "ann", message(4));
    harness.write(table, "ann", removed(1), message(2, "b"), message(5));
    const { id, socket } = harness.connect(family);
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options });
    await settle();
    return { harness, received: messages(socket) };
  };

  test.each<["paging" | "message"]>([["paging"], ["message"]])(
    "LQ-11 a %s client gets what changed as rows, then deletes and leaves in `_seq` order, none at or below its cursor",
    async (family) => {
      const { received } = await changedMeanwhile(family, { from: 103n });
      expect(brief(received)).toEqual(["ack ready", "batch 0 rows=1 ready", "delete", "delete", "insert"]);
      const sequence = received.slice(1).map((each) => {
        const [row] = (each["rows"] ?? each["old_values"]) as { _seq: string }[];
        return row?._seq;
      });
      expect(sequence).toEqual(["104", "105", "106", "107"]);
    },
  );

  test("LQ-11 a native client gets the ends of rows in its pages", async () => {
    const { received } = await changedMeanwhile("native", { from: 103n, epoch: "epoch-1" });
    expect(brief(received)).toEqual(["ack resumed=true", "snapshot rows=2 deleted=2 ready=true"]);
  });

  test.each<[string, object]>([
    ["from another epoch", { from: 103n, epoch: "epoch-0" }],
    ["above everything ever committed", { from: 10_000n, epoch: "epoch-1" }],
  ])("LQ-11 a cursor %s is answered with reset and a full snapshot", async (_why, options) => {
    const { received } = await changedMeanwhile("native", options);
    expect(brief(received)).toEqual(["ack resumed=false", "reset", "snapshot rows=3 deleted=0 ready=true"]);
  });

  const purgedAt104 = async (family: "paging" | "native", from: bigint, options: object = {}) => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    harness.write(table, "ann", removed(1));
    harness.write(table, "ann", message(4));
    harness.store.purge(104n);
    const { id, socket } = harness.connect(family);
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { ...options, from } });
    await settle();
    return brief(messages(socket));
  };

  test.each([[{ lastRows: 1 }], [{ lastRows: 0 }], [{ batchSize: 0 }]])(
    "LQ-11 a cursor below where history starts, given by a peer with %j, is answered with all rows: it goes on showing what it has",
    async (options) => {
      expect(await purgedAt104("paging", 103n, options)).toEqual(["ack ready", "batch 0 rows=3 ready"]);
    },
  );

  test("LQ-11 a native client that asked for its last rows gets those after a reset", async () => {
    const reset = ["ack resumed=false", "reset", "snapshot rows=1 deleted=0 ready=true"];
    expect(await purgedAt104("native", 103n, { lastRows: 1 })).toEqual(reset);
  });

  test("LQ-11 a cursor below where history starts is answered with reset and a full snapshot", async () => {
    const reset = ["ack resumed=false", "reset", "snapshot rows=3 deleted=0 ready=true"];
    expect(await purgedAt104("native", 103n)).toEqual(reset);
    expect(await purgedAt104("paging", 103n)).toEqual(["ack ready", "batch 0 rows=3 ready"]);
  });

  test("LQ-11 a cursor at where history starts goes on", async () => {
    expect(await purgedAt104("native", 104n)).toEqual(["ack resumed=true", "snapshot rows=1 deleted=0 ready=true"]);
    expect(await purgedAt104("paging", 104n)).toEqual(["ack ready", "batch 0 rows=1 ready"]);
  });

  const purgedWhileRead = async (family: "paging" | "native") => {
    const harness = new Harness();
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect(family);
    harness.write(table, "ann", removed(1));
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { from: 103n } });
    harness.store.purge(104n);
    harness.store.advance(0);
    harness.store.immediate = true;
    harness.store.advance(0);
    await settle();
    return brief(messages(socket));
  };

  test("LQ-11 history that is purged while it is read is not continued with a hole", async () => {
    const native = await purgedWhileRead("native");
    expect(native).toEqual(["ack resumed=true", "reset", "snapshot rows=2 deleted=0 ready=true"]);
    expect(await purgedWhileRead("paging")).toEqual(["ack ready", "batch 0 rows=2 ready"]);
  });

  test("LQ-11 a peer whose resume was begun when its history goes is closed, to come back with its cursor", async () => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    harness.write(table, "ann", message(4), message(5), removed(1));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { from: 103n, batchSize: 1 } });
    await settle();
    harness.store.purge(106n);
    harness.live.nextBatch(id, "s", seqOf(104n));
    await settle();
    expect(brief(messages(socket))).toEqual(["ack loading", "batch 0 rows=1 loading"]);
    expect(socket.closed?.code).toBe(1001);
  });

  test("LQ-11 a peer's cursor above everything ever committed gets a full snapshot", async () => {
    const { received } = await changedMeanwhile("paging", { from: 10_000n });
    expect(brief(received)).toEqual(["ack ready", "batch 0 rows=3 ready"]);
  });

  test("LQ-11 a resume is not cut short by a batch size of 0", async () => {
    const { received } = await changedMeanwhile("paging", { from: 103n, batchSize: 0 });
    expect(brief(received)).toEqual(["ack ready", "batch 0 rows=1 ready", "delete", "delete", "insert"]);
  });

  // A page bounded by the resume's first moment loses this row: its leave is no longer in the page, and its later change is none for the filter.
  test("LQ-11 a row that left the filter and changes again before its page is read is still deleted", async () => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    harness.write(table, "ann", message(4), message(5), message(1, "b"));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { from: 103n, batchSize: 1 } });
    await settle();
    harness.write(table, "ann", message(1, "c"));
    for (const seq of [104n, 105n]) {
      harness.live.nextBatch(id, "s", seq as never);
      await settle();
    }
    const received = messages(socket);
    expect(brief(received).at(-1)).toBe("delete");
    expect(received.at(-1)?.["old_values"]).toEqual([expect.objectContaining({ id: "1" })]);
  });

  test("LQ-07 LQ-12 changes beyond the bound of what is held are read from history instead", async () => {
    const harness = new Harness({ heldChanges: 2 });
    harness.write(table, "ann", message(1), message(2));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: {} });
    harness.store.advance(0);
    for (let index = 3; index < 9; index++) harness.write(table, "ann", message(index));
    harness.write(table, "ann", removed(1));
    harness.store.immediate = true;
    harness.store.advance(0);
    await settle();
    const received = messages(socket);
    expect(brief(received)).toEqual([
      "ack resumed=false",
      "snapshot rows=2 deleted=0 ready=true",
      "changes insert insert insert insert insert insert delete",
    ]);
    expect([...harness.live.rows()].map((row) => row.changes)).toEqual([7]);
  });

  // A client that is `ready` may still be told of keys it never had: `phase` says until when.
  test("LQ-11 LQ-10 a resume that meets newer commits is ready, goes on with the ends of rows, and is not called live before the last", async () => {
    const harness = new Harness({ recentBytes: 0 });
    const none = scoreAbove(100);
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect("native");
    const options = { from: 100n, epoch: "epoch-1", batchSize: 2 };
    harness.subscribe(id, { id: "s", table, query: none, options });
    const readPage = async (): Promise<readonly string[]> => {
      harness.store.advance(0);
      harness.store.advance(0);
      await settle();
      return [...brief(messages(socket)), ...[...harness.live.rows()].map(({ phase }) => phase)];
    };
    expect(await readPage()).toEqual(["ack resumed=true", "snapshot rows=0 deleted=2 ready=false", "paging"]);
    harness.write(table, "ann", message(1), message(4), removed(2));
    expect(await readPage()).toEqual(["snapshot rows=0 deleted=1 ready=true", "replaying"]);
    expect(await readPage()).toEqual(["changes delete delete delete", "live"]);
    harness.write(table, "ann", removed(4));
    expect(messages(socket)).toEqual([]);
  });
});
