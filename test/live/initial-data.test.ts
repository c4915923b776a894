// What a subscribe is answered with, by client family, up to the first change.
import { describe, expect, test } from "bun:test";
import { brief } from "./support/brief.ts";
import { chatTable, everything, inRoom, message, removed, scoreAbove } from "./support/chat-table.ts";
import type { Family } from "./support/clients.ts";
import { Harness, messages, started } from "./support/harness.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("user");

describe("initial data", () => {
  test("LQ-06 a paging client gets ack and batch 0 with the same control, asks for the rest, then gets changes", async () => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 2 } });
    await settle();
    const [ack, batch] = messages(socket);
    expect(ack?.["batch_control"]).toEqual(batch?.["batch_control"]);
    expect(batch?.["batch_control"]).toEqual({ batch_num: 0, has_more: true, status: "loading", last_seq_id: 102 });
    expect(ack?.["total_rows"]).toBe(0);
    harness.live.nextBatch(id, "s", 102n as never);
    harness.write(table, "ann", message(4));
    await settle();
    expect(brief(messages(socket))).toEqual(["batch 1 rows=1 ready", "insert"]);
  });

  test("LQ-06 a message client never stalls: its whole snapshot comes in batch 0 whatever batch size it names", async () => {
    const harness = started({ readRows: 2 });
    harness.write(table, "ann", ...Array.from({ length: 7 }, (_value, index) => message(index)));
    const { id, socket } = harness.connect("message");
    harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 2 } });
    await settle();
    expect(brief(messages(socket))).toEqual(["ack ready", "batch 0 rows=7 ready"]);
  });

  test("LQ-06 a message client's snapshot beyond the bound of one batch is pushed", async () => {
    const harness = started({ unpagedRows: 3 });
    harness.write(table, "ann", ...Array.from({ length: 7 }, (_value, index) => message(index)));
    const { id, socket } = harness.connect("message");
    harness.subscribe(id, { id: "s", table, query: everything, options: {} });
    await settle();
    expect(brief(messages(socket))).toEqual([
      "ack loading",
      "batch 0 rows=3 loading",
      "batch 1 rows=3 loading_batch",
      "batch 2 rows=1 ready",
    ]);
  });

  test("LQ-06 a native client gets its ack at once and its pages pushed, the last one ready", async () => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 2 } });
    expect(brief(messages(socket))).toEqual(["ack resumed=false"]);
    await settle();
    const pages = messages(socket);
    expect(brief(pages)).toEqual(["snapshot rows=2 deleted=0 ready=false", "snapshot rows=1 deleted=0 ready=true"]);
    expect(pages[1]?.["seq"]).toBe("103");
  });

  test.each<[string, "paging" | "native", object | undefined, readonly string[]]>([
    ["without options: the ack only", "paging", undefined, ["ack ready", "insert"]],
    ["batch_size 0: an empty ready batch", "paging", { batchSize: 0 }, ["ack ready", "batch 0 rows=0 ready", "insert"]],
    ["last_rows 0: an empty ready batch", "paging", { lastRows: 0 }, ["ack ready", "batch 0 rows=0 ready", "insert"]],
    ["last_rows: the newest, in one batch", "paging", { lastRows: 2 }, ["ack ready", "batch 0 rows=2 ready", "insert"]],
    ["native without options", "native", undefined, ["ack resumed=false", "changes insert"]],
    [
      "native, empty",
      "native",
      { batchSize: 0 },
      ["ack resumed=false", "snapshot rows=0 deleted=0 ready=true", "changes insert"],
    ],
  ])("LQ-06 %s", async (_why, family, options, expected) => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect(family);
    harness.subscribe(id, { id: "s", table, query: everything, ...(options === undefined ? {} : { options }) });
    await settle();
    harness.write(table, "ann", message(4));
    expect(brief(messages(socket))).toEqual(expected);
  });

  test("LQ-06 last_rows may be larger than a read", async () => {
    const harness = started({ readRows: 2 });
    harness.write(table, "ann", ...Array.from({ length: 7 }, (_value, index) => message(index)));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: everything, options: { lastRows: 5 } });
    await settle();
    expect(brief(messages(socket))).toEqual(["ack ready", "batch 0 rows=5 ready"]);
  });

  test.each<[string, Family, number, readonly string[]]>([
    ["is paged for a client that pages", "paging", 5, ["ack loading", "batch 0 rows=2 loading"]],
    ["is pushed to a native one", "native", 5, ["2 false", "2 false", "1 true"]],
    [
      "is pushed to one that never pages",
      "message",
      5,
      ["ack loading", "batch 0 rows=3 loading", "batch 1 rows=2 ready"],
    ],
    ["is everything when there are fewer", "native", 50, ["2 false", "2 false", "2 false", "1 true"]],
  ])("LQ-06 last_rows larger than batch_size %s", async (_why, family, lastRows, expected) => {
    const harness = started({ unpagedRows: 3 });
    harness.write(table, "ann", ...Array.from({ length: 7 }, (_value, index) => message(index)));
    const { id, socket } = harness.connect(family);
    harness.subscribe(id, { id: "s", table, query: everything, options: { lastRows, batchSize: 2 } });
    await settle();
    await settle();
    const received = messages(socket);
    const shown = brief(received).map((text) => text.replace(/^snapshot rows=(\d) deleted=0 ready=(\w+)$/, "$1 $2"));
    expect(shown.filter((text) => !text.startsWith("ack resumed"))).toEqual([...expected]);
    // Nothing is read but where they begin, and the pages.
    expect(harness.store.requests.map(({ kind }) => kind)[0]).toBe("lastRowsStart");
  });

  test("LQ-07 rows that change while the newest are paged come as changes", async () => {
    const harness = started();
    harness.write(table, "ann", ...Array.from({ length: 7 }, (_value, index) => message(index)));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: everything, options: { lastRows: 4, batchSize: 3 } });
    await settle();
    harness.write(table, "ann", message(6, "b"), message(9));
    harness.live.nextBatch(id, "s", 106n as never);
    await settle();
    const received = messages(socket);
    expect(brief(received)).toEqual([
      "ack loading",
      "batch 0 rows=3 loading",
      "batch 1 rows=0 ready",
      "update",
      "insert",
    ]);
    expect(received[1]).toMatchObject({ rows: [{ id: "3" }, { id: "4" }, { id: "5" }] });
  });

  test("LQ-07 a row sent on the first page that goes before the last one is deleted, one not sent yet never appears", async () => {
    const harness = started();
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect("paging");
    harness.subscribe(id, { id: "s", table, query: inRoom("a"), options: { batchSize: 1 } });
    await settle();
    harness.write(table, "ann", removed(1), message(2, "b"), message(3, "a", 9));
    harness.live.nextBatch(id, "s", 101n as never);
    await settle();
    const received = messages(socket).slice(2);
    expect(brief(received)).toEqual(["batch 1 rows=0 ready", "delete", "delete", "update"]);
    // The client never had row 3: the update brings every column.
    expect(received[3]?.["rows"]).toEqual([{ id: "3", room: "a", score: 9, _seq: "106" }]);
  });

  test("LQ-12 pages are not read ahead of a socket that does not take them", async () => {
    const harness = started({ pushAheadBytes: 100 });
    harness.write(table, "ann", message(1), message(2), message(3));
    const { id, socket } = harness.connect("native");
    harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 1 } });
    socket.queuedBytes = 101;
    await settle();
    expect(harness.store.requests).toHaveLength(1);
    socket.queuedBytes = 0;
    harness.live.drained(id);
    await settle();
    expect(brief(messages(socket)).at(-1)).toBe("snapshot rows=1 deleted=0 ready=true");
  });

  test("LQ-12 many large snapshots on one socket are read a few at a time", async () => {
    const harness = new Harness({ readsPerConnection: 2 });
    const { id } = harness.connect("native");
    for (let index = 0; index < 5; index++)
      harness.subscribe(id, { id: `s${index}`, table, query: scoreAbove(index), options: {} });
    expect(harness.store.pending).toHaveLength(2);
  });
});
