// LQ-15 L14: a page is read by a plan whose column is gone by then.
import { describe, expect, test } from "bun:test";
import { type ConnectionId, seqOf } from "../../src/base/ids.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { chatTable, everything, message, scoredInShared } from "./support/chat-table.ts";
import { Harness, messages } from "./support/harness.ts";
import type { Socket } from "./support/sockets.ts";
import { settle } from "./support/versioned-store.ts";

const table = chatTable("shared");
const own = chatTable("user");

function answerAll({ store }: Harness): void {
  while (store.pending.length > 0) store.advance(0);
}

/** Without its last column, in the version after. */
function shrunk(before: TableSchema): TableSchema {
  return { ...before, columns: before.columns.slice(0, -1), version: before.version + 1 };
}

const kinds = (frames: readonly Record<string, unknown>[]): readonly unknown[] =>
  frames.map(({ type, schema }) => (Array.isArray(schema) ? [type, schema.length] : type));

describe.each(["native", "paging"] as const)(
  "%s: a page that was read when a column had been dropped is read again",
  (family) => {
    /** Answered up to the first page, of four columns; the second is under way. */
    async function loading(): Promise<{
      readonly harness: Harness;
      readonly socket: Socket;
      readonly id: ConnectionId;
    }> {
      const harness = new Harness();
      for (const n of [1, 2, 3]) harness.write(table, "ann", message(n));
      const { id, socket } = harness.connect(family);
      harness.subscribe(id, { id: "s", table, query: everything, options: { batchSize: 2 } });
      await settle();
      harness.store.advance(0);
      harness.store.advance(0);
      await settle();
      if (family === "paging") harness.live.nextBatch(id, "s", seqOf(102n));
      await settle();
      messages(socket);
      return { harness, socket, id };
    }
    const columnsOf = (frames: readonly Record<string, unknown>[]): unknown =>
      frames.flatMap(({ rows }) => (Array.isArray(rows) ? rows : [])).map((row) => Object.keys(row).length);
    const schema = family === "native" ? [["schema", 4]] : [];

    test("in the layout of which the client is told first", async () => {
      const { harness, socket } = await loading();
      harness.alter(shrunk(table));
      expect(messages(socket)).toEqual([]);
      harness.store.immediate = true;
      answerAll(harness);
      await settle();
      const frames = messages(socket);
      expect(kinds(frames)).toEqual([...schema, family === "native" ? "snapshot" : "initial_data_batch"]);
      expect(columnsOf(frames)).toEqual([4]);
    });

    test("once the commit that dropped it has had its turn", async () => {
      const { harness, socket } = await loading();
      harness.store.altered.set(table.id, shrunk(table));
      answerAll(harness);
      await settle();
      expect([messages(socket), harness.store.pending.length]).toEqual([[], 0]);
      harness.store.immediate = true;
      harness.alter(shrunk(table));
      await settle();
      expect(columnsOf(messages(socket))).toEqual([4]);
    });

    test("not, when it has ended meanwhile", async () => {
      const { harness, socket, id } = await loading();
      harness.store.altered.set(table.id, shrunk(table));
      answerAll(harness);
      await settle();
      harness.live.unsubscribe(id, "s");
      messages(socket);
      harness.alter(shrunk(table));
      await settle();
      expect([messages(socket), harness.store.pending.length, harness.live.counters().groups]).toEqual([[], 0, 0]);
    });

    test("and what was held in the layout before is sent in that layout", async () => {
      const { harness, socket } = await loading();
      harness.write(table, "ann", { cells: [4n, "a", 1] });
      harness.alter(shrunk(table));
      harness.store.immediate = true;
      answerAll(harness);
      await settle();
      const frames = messages(socket);
      const batch = family === "native" ? "snapshot" : "initial_data_batch";
      const expected =
        family === "native" ? [...schema, batch, ["schema", 5], "changes", ["schema", 4]] : [batch, "change"];
      expect(kinds(frames)).toEqual(expected);
    });
  },
);

test("LQ-15 a query that is run again and was run when its column had been dropped is subscribed again", async () => {
  const harness = new Harness();
  const { id, socket } = harness.connect("native");
  harness.subscribe(id, { id: "s", table: own, query: scoredInShared, options: {} });
  await settle();
  harness.store.altered.set(own.id, shrunk(own));
  answerAll(harness);
  await settle();
  expect(messages(socket)).toMatchObject([{ type: "error", code: "SUBSCRIPTION_FAILED", retry_after_ms: 0 }]);
});
