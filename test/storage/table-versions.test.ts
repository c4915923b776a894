// Versions of tables in the store: what is kept, what is undone, what a restart finds.
import { describe, expect, test } from "bun:test";
import { parseName } from "../../src/base/ids.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { INT, TEXT } from "../../src/model/sql-type.ts";
import { MAX_TABLE_VERSIONS } from "../../src/storage/catalog/catalog-transaction.ts";
import type { TableAlteration } from "../../src/storage/seams.ts";
import { ALICE, createTable, failureOf, openTestStore, write } from "./open-test-store.ts";

function withColumn(table: TableSchema, name: string, initial?: string): TableAlteration {
  const id = (table.lastColumnId ?? 2) + 1;
  const column = { id, name: parseName(name), type: TEXT, nullable: true, default: undefined };
  const { keyIndex, options } = table;
  const columns = [...table.columns, initial === undefined ? column : { ...column, initial }];
  return { columns, keyIndex, options, lastColumnId: id };
}

describe("TB-09", () => {
  test("a version is published with its commit, and every earlier one is found again after a restart", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "notes");
    const altered: number[] = [];
    store.current.writer.onCommit((event) => altered.push(...event.altered.map(({ version }) => version)));
    const { value: second } = await store.current.writer.submit((tx) =>
      tx.alterTable(table, withColumn(table, "a", "é'\"")),
    );
    await store.current.writer.submit((tx) => tx.alterTable(second, withColumn(second, "b")));
    expect(altered).toEqual([2, 3]);
    const before = store.current.catalog.tableVersions(table.id);
    await store.reopen();
    expect(store.current.catalog.tableVersions(table.id)).toEqual(before);
    expect(store.current.catalog.tableById(table.id)).toEqual(before.at(-1));
  });

  test.each([["é'\"\\ text"], ["x".repeat(100_000)], [""]])(
    "rows that are there have the frozen text %#",
    async (initial) => {
      await using store = openTestStore();
      const table = await createTable(store.current, "notes");
      await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "old"] }));
      const { value } = await store.current.writer.submit((tx) =>
        tx.alterTable(table, withColumn(table, "a", initial)),
      );
      expect(store.current.reader.get(value, ALICE, 1n)?.cells).toEqual([1n, "old", initial]);
    },
  );

  test("a work that throws takes its version back; those beside it in the transaction stay", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "notes");
    const failing = store.current.writer.submit((tx) => {
      tx.alterTable(table, withColumn(table, "lost", "x"));
      throw new Error("no");
    });
    const kept = store.current.writer.submit((tx) => tx.alterTable(table, withColumn(table, "kept", "y")));
    await failureOf(failing);
    const { value } = await kept;
    expect(value.columns.map(({ name }) => String(name))).toEqual(["id", "body", "kept"]);
    expect(store.current.catalog.tableVersions(table.id).map(({ version }) => version)).toEqual([1, 2]);
  });

  test("who holds the version before is refused", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "notes");
    await store.current.writer.submit((tx) => tx.alterTable(table, withColumn(table, "a")));
    const late = store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "late"] }));
    expect(await failureOf(late)).toMatchObject({ code: "WRITE_CONFLICT" });
  });

  test("inspected rows: what is NULL in a live row above a position, a part at a time", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "notes");
    const { value: first } = await store.current.writer.submit((tx) =>
      write(tx, { table, scope: ALICE, cells: [1n, null] }),
    );
    await store.current.writer.submit((tx) => {
      for (const id of [2n, 3n]) write(tx, { table, scope: ALICE, cells: [id, "x"] });
      write(tx, { table, scope: ALICE, cells: [4n, null], deleted: true });
    });
    const { value } = await store.current.writer.submit((tx) => [
      tx.inspectRows(table, { after: first.seq, columns: [2], limit: 10 }),
      tx.inspectRows(table, { after: first.seq, columns: [2], limit: 2 }).through === undefined,
      tx.inspectRows(table, { after: store.current.writer.position, columns: [], limit: 10 }).hasLiveRow,
    ]);
    expect(value).toEqual([{ through: undefined, hasLiveRow: true, nulls: new Set() }, false, false]);
  });

  test("columns that come and go reach SQLite's limit only in a buffer with rows, and a thousand versions are kept", async () => {
    await using store = openTestStore();
    let table = await createTable(store.current, "notes");
    const addAndDrop = async (count: number): Promise<void> => {
      for (let step = 0; step < count; step += 1) {
        const { keyIndex, options, lastColumnId = 2 } = table;
        const id = lastColumnId + 1;
        const added = { id, name: parseName("extra"), type: INT, nullable: true, default: undefined };
        const columns = [...table.columns.slice(0, 2), added];
        const current = table;
        const change = { columns, keyIndex, options, lastColumnId: id };
        table = (await store.current.writer.submit((tx) => tx.alterTable(current, change))).value;
      }
    };
    await addAndDrop(2_100);
    expect(store.current.catalog.tableVersions(table.id).length).toBe(MAX_TABLE_VERSIONS);
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "a", 5] }));
    expect(await failureOf(addAndDrop(2_000))).toMatchObject({ code: "UNSUPPORTED" });
    expect(store.current.reader.get(table, ALICE, 1n)?.cells.slice(0, 2)).toEqual([1n, "a"]);
  });
});
