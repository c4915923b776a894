// Indexes of buffered rows as the store keeps them: what the file holds is what the catalog names, however the last process ended, and the writer pauses for whoever
// builds one without losing or reordering a work.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { parseName } from "../../src/base/ids.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { MAX_ROWS_IN_PLACE } from "../../src/storage/hot/hot-index.ts";
import type { IndexProcess } from "../../src/storage/hot/index-builder.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, createTable, failureOf, openTestStore, write } from "./open-test-store.ts";

const BY_BODY = { name: parseName("by_body"), columns: [{ id: 2, descending: false }] };

function indexesOf(store: Pick<Store, "path">): string[] {
  using db = new Database(store.path, { readonly: true });
  return db
    .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'index' AND name GLOB 'ix_*'")
    .all()
    .map(({ name }) => name);
}

async function fill(store: Store, table: TableSchema, rows: number): Promise<void> {
  await store.writer.submit((tx) => {
    for (let key = 0; key < rows; key += 1) write(tx, { table, scope: ALICE, cells: [BigInt(key), `body ${key % 9}`] });
  });
}

/** A process that does its work in this one; `before` is where a test stands in its way. */
function processHere(before: (signal: AbortSignal) => Promise<void> = async () => undefined) {
  return async (path: string): Promise<IndexProcess> => ({
    async run(statements, signal) {
      await before(signal);
      using db = new Database(path);
      for (const statement of statements) db.run(statement);
    },
    [Symbol.asyncDispose]: async () => undefined,
  });
}

describe("ST-03 the file has the indexes that the catalog names, and no others", () => {
  test("one that was built and never named is gone after the next open", async () => {
    await using store = openTestStore({ startIndexProcess: processHere() });
    const table = await createTable(store.current, "t", "user");
    await fill(store.current, table, 10);
    await store.current.indexes.build(table, BY_BODY);
    expect(indexesOf(store.current)).toEqual([`ix_${table.id}_2`]);
    const reopened = await store.reopen();
    expect(indexesOf(reopened)).toEqual([]);
  });

  test("one that is named is there after the next open, even if the file had lost it", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "t", "shared");
    await store.current.writer.submit((tx) => tx.createIndex(table, BY_BODY));
    const { path } = store.current;
    await store.current.close();
    {
      using db = new Database(path);
      db.run(`DROP INDEX ix_${table.id}_2`);
    }
    const reopened = await store.reopen();
    expect(indexesOf(reopened)).toEqual([`ix_${table.id}_2`]);
    expect(reopened.catalog.tableById(table.id)?.indexes).toEqual([BY_BODY]);
  });

  test("a work that fails takes its index back", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "t", "user");
    const failed = store.current.writer.submit((tx) => {
      tx.createIndex(table, BY_BODY);
      throw new Error("in the middle");
    });
    expect(await failureOf(failed)).toBeDefined();
    expect(indexesOf(store.current)).toEqual([]);
    expect(store.current.catalog.tableById(table.id)?.indexes).toBeUndefined();
  });

  test("an index of a large buffer is not built inside a work, and not dropped inside one", async () => {
    await using store = openTestStore({ startIndexProcess: processHere() });
    const table = await createTable(store.current, "t", "user");
    await fill(store.current, table, MAX_ROWS_IN_PLACE + 1);
    const { writer, indexes } = store.current;
    expect((await writer.submit((tx) => tx.createIndex(table, BY_BODY))).value).toBeUndefined();
    expect(indexesOf(store.current)).toEqual([]);
    await indexes.build(table, BY_BODY);
    const { value: named } = await writer.submit((tx) => tx.createIndex(table, BY_BODY));
    expect(named?.indexes).toEqual([BY_BODY]);
    expect(named?.version).toBe(table.version);
    await writer.submit((tx) => tx.dropIndex(table, BY_BODY.name));
    expect(indexesOf(store.current)).toEqual([`ix_${table.id}_2`]);
    await indexes.sweep();
    expect(indexesOf(store.current)).toEqual([]);
  });
});

describe("ST-01 the writer pauses for an index process", () => {
  test("works wait for it, in their order, and none is lost", async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await using store = openTestStore({
      startIndexProcess: processHere(() => {
        begun.resolve();
        return gate.promise;
      }),
    });
    const table = await createTable(store.current, "t", "user");
    const done: string[] = [];
    const built = store.current.indexes.build(table, BY_BODY).then(() => done.push("index"));
    await begun.promise;
    const works = ["first", "second"].map((name, key) =>
      store.current.writer
        .submit((tx) => {
          done.push(`${name} runs`);
          write(tx, { table, scope: ALICE, cells: [BigInt(key), name] });
        })
        .then(() => done.push(`${name} committed`)),
    );
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual([]);
    gate.resolve();
    await Promise.all([built, ...works]);
    expect(done).toEqual(["index", "first runs", "second runs", "first committed", "second committed"]);
  });

  test("one that fails lets the works go on", async () => {
    await using store = openTestStore({
      startIndexProcess: processHere(() => Promise.reject(new Error("no index today"))),
    });
    const table = await createTable(store.current, "t", "user");
    const built = store.current.indexes.build(table, BY_BODY);
    const work = store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    expect(await failureOf(built)).toMatchObject({ message: "no index today" });
    expect((await work).value.seq).toBeGreaterThan(0n);
  });

  test("one is ended when writes have waited for it as long as they may, and nothing of it is left", async () => {
    await using store = openTestStore({
      maxIndexPauseMs: 5,
      startIndexProcess: processHere(async (signal) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw new Error("ended");
      }),
    });
    const table = await createTable(store.current, "t", "user");
    const built = failureOf(store.current.indexes.build(table, BY_BODY));
    const work = store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    expect(await built).toMatchObject({
      code: "STATEMENT_TIMEOUT",
      message: "The index would hold up writes for more than 5 ms",
    });
    expect((await work).value.seq).toBeGreaterThan(0n);
    expect(indexesOf(store.current)).toEqual([]);
  });

  test("closing tells it to stop, waits for that, and commits what was accepted", async () => {
    const begun = Promise.withResolvers<void>();
    await using store = openTestStore({
      startIndexProcess: processHere(async (signal) => {
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        throw new Error("stopped");
      }),
    });
    const table = await createTable(store.current, "t", "user");
    const built = failureOf(store.current.indexes.build(table, BY_BODY));
    await begun.promise;
    const work = store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    const second = failureOf(store.current.indexes.build(table, BY_BODY));
    const reopened = await store.reopen();
    await work;
    expect(await built).toMatchObject({ message: "stopped" });
    expect(await second).toMatchObject({ code: "SHUTTING_DOWN" });
    expect(reopened.writer.bufferedRows(table.id)).toBe(1);
  });
});
