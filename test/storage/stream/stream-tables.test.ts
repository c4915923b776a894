// Rows of STREAM tables in the store: their order, their window, their bounds, and what a rollback leaves.
import { describe, expect, test } from "bun:test";
import type { Change } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import { DEFAULT_STREAM_LIMITS, type StreamLimits } from "../../../src/storage/stream/stream-limits.ts";
import { ALICE, BOB, CHAT, definition, failureOf, openTestStore, type TestStore, write } from "../open-test-store.ts";

const TTL_SECONDS = 100;

async function openStream(limits: Partial<StreamLimits> = {}) {
  const store = openTestStore({ streamLimits: { ...DEFAULT_STREAM_LIMITS, ...limits } });
  const { value: table } = await store.current.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    const plain = definition("events", "stream");
    return tx.createTable({ ...plain, options: { ...plain.options, ttlSeconds: TTL_SECONDS } });
  });
  const changes: string[] = [];
  store.current.writer.onCommit((event) => changes.push(...event.changes.map(textOf)));
  return { store, table, changes, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

function textOf({ before, after }: Change): string {
  const kind = after.deleted ? "delete" : before === undefined ? "insert" : "update";
  return `${kind} ${String(after.cells[0])}`;
}

async function put(store: TestStore, table: TableSchema, ...keys: readonly number[]): Promise<void> {
  await store.current.writer.submit((tx) => {
    for (const key of keys) write(tx, { table, scope: ALICE, cells: [BigInt(key), "body"] });
  });
}

const keys = (store: TestStore, table: TableSchema): readonly Cell[] =>
  store.current.streams
    .versions(table, ALICE)
    .filter(({ deleted }) => !deleted)
    .map(({ cells }) => Number(cells[0]));

describe("TB-03 STREAM tables in the store", () => {
  test("nobody sees a row before its commit, or another user's after it", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    const submitted = put(store, table, 1, 2);
    expect(keys(store, table)).toEqual([]);
    await submitted;
    expect([keys(store, table), store.current.streams.versions(table, BOB)]).toEqual([[1, 2], []]);
  });

  test("a work that throws takes back its rows, in their old order", async () => {
    await using stream = await openStream();
    const { store, table, changes } = stream;
    await put(store, table, 1, 2, 3);
    const failing = store.current.writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "body"], deleted: true });
      write(tx, { table, scope: ALICE, cells: [4n, "body"] });
      throw new Error("no");
    });
    const following = put(store, table, 5);
    await failureOf(failing);
    await following;
    expect([keys(store, table), changes]).toEqual([
      [1, 2, 3, 5],
      ["insert 1", "insert 2", "insert 3", "insert 5"],
    ]);
  });

  test("LQ-17 a row past its window is hidden at once, and its end comes in `_seq` order with the next turn", async () => {
    await using stream = await openStream();
    const { store, table, changes } = stream;
    await put(store, table, 1);
    store.clock.wallMs += 60_000;
    await put(store, table, 2);
    store.clock.wallMs += 40_001;
    expect(keys(store, table)).toEqual([2]);
    await store.current.streams.expire();
    await put(store, table, 1);
    expect([keys(store, table), changes]).toEqual([
      [2, 1],
      ["insert 1", "insert 2", "delete 1", "insert 1"],
    ]);
  });

  test("LQ-17 a row written again after its window, before its end was told, replaces the row subscribers still have", async () => {
    await using stream = await openStream();
    const { store, table, changes } = stream;
    await put(store, table, 1);
    store.clock.wallMs += TTL_SECONDS * 1000 + 1;
    await put(store, table, 1);
    await store.current.streams.expire();
    expect([keys(store, table), changes]).toEqual([[1], ["insert 1", "update 1"]]);
  });

  test("a row written again before its window ended is not ended with the old one", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    await put(store, table, 1);
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "body"], deleted: true }));
    store.clock.wallMs += 50_000;
    await put(store, table, 1);
    store.clock.wallMs += 60_000;
    await store.current.streams.expire();
    expect(keys(store, table)).toEqual([1]);
  });

  test("LQ-17 the floor rises when the end of a row is forgotten, not before", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    const { streams, writer } = store.current;
    expect(streams.floor(table) <= writer.position).toBe(true);
    await put(store, table, 1);
    const seen = writer.position;
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "body"], deleted: true }));
    await streams.expire();
    expect([streams.floor(table) <= seen, streams.rowCount(table)]).toEqual([true, 1]);
    store.clock.wallMs += TTL_SECONDS * 1000 + 1;
    await streams.expire();
    expect([streams.floor(table) <= seen, streams.hasForgettable()]).toEqual([true, true]);
    expect(await streams.forget((work) => work())).toBe(1);
    expect([streams.floor(table) > seen, streams.rowCount(table), streams.hasForgettable()]).toEqual([true, 0, false]);
  });

  test("after a restart every cursor is below the floor", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    await put(store, table, 1);
    const { position } = store.current.writer;
    await store.reopen();
    expect([store.current.streams.floor(table) > position, keys(store, table)]).toEqual([true, []]);
  });

  test.each<[string, Partial<StreamLimits>]>([
    ["rows", { rowsPerUser: 3 }],
    ["bytes", { bytesPerUser: 3 * 245 }],
  ])("at a user's bound in %s the oldest row ends for the new one, and subscribers are told", async (_what, limits) => {
    await using stream = await openStream(limits);
    const { store, table, changes } = stream;
    await put(store, table, 1, 2, 3);
    const seen = store.current.writer.position;
    await put(store, table, 4);
    expect([keys(store, table), changes.slice(3)]).toEqual([
      [2, 3, 4],
      ["delete 1", "insert 4"],
    ]);
    expect(store.current.streams.floor(table) > seen).toBe(true);
    await store.current.writer.submit((tx) => write(tx, { table, scope: BOB, cells: [1n, "body"] }));
    expect(keys(store, table)).toEqual([2, 3, 4]);
  });

  test("at the bound of all tables an INSERT is refused; a delete is not", async () => {
    await using stream = await openStream({ totalBytes: 600 });
    const { store, table } = stream;
    await put(store, table, 1, 2);
    expect(await failureOf(put(store, table, 3))).toMatchObject({ code: "STORAGE_FULL" });
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "body"], deleted: true }));
    expect(keys(store, table)).toEqual([2]);
  });

  test("a dropped table gives its memory back, and the drop can be taken back", async () => {
    await using stream = await openStream({ totalBytes: 600 });
    const { store, table } = stream;
    await put(store, table, 1, 2);
    const failing = store.current.writer.submit((tx) => {
      tx.dropTable(table);
      throw new Error("no");
    });
    await failureOf(failing);
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "body"], deleted: true }));
    expect(keys(store, table)).toEqual([2]);
    await store.current.writer.submit((tx) => tx.dropTable(table));
    expect(store.current.streams.rowCount(table)).toBe(0);
    const { value: again } = await store.current.writer.submit((tx) => tx.createTable(definition("events", "stream")));
    await put(store, again, 1, 2);
    expect(keys(store, again)).toEqual([1, 2]);
  });

  test("a hundred thousand rows that replace each other leave no trail", async () => {
    await using stream = await openStream({ rowsPerUser: 10 });
    const { store, table } = stream;
    for (let start = 0; start < 100_000; start += 5_000) {
      await put(store, table, ...Array.from({ length: 5_000 }, (_, index) => start + index));
    }
    expect([store.current.streams.rowCount(table), keys(store, table).at(-1)]).toEqual([10, 99_999]);
  });
});
