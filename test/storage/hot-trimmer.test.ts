import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { type Scope, SHARED_SCOPE } from "../../src/base/ids.ts";
import type { RowVersion } from "../../src/model/change.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { TRIM_ROWS } from "../../src/storage/hot/trimmer.ts";
import type { CommitEvent } from "../../src/storage/seams.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, BOB, createTable, openTestStore, write } from "./open-test-store.ts";

/** Rows of a table's place in the data file, whatever the catalog says of them. */
function storedRows(store: Store, table: TableSchema): number {
  using db = new Database(store.path, { readonly: true });
  using exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1");
  if (exists.get(`hot_${table.id}`) === null) return -1;
  using count = db.prepare<{ rows: number }, []>(`SELECT count(*) AS rows FROM hot_${table.id}`);
  return count.get()?.rows ?? 0;
}

async function putRows(store: Store, table: TableSchema, scope: Scope, keys: readonly number[]): Promise<RowVersion[]> {
  const { value } = await store.writer.submit((tx) =>
    keys.map((key) => write(tx, { table, scope, cells: [BigInt(key), `row ${key}`] })),
  );
  return value;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_unused, index) => from + index);
}

/** Commits a segment of everything the scope holds. */
async function commitAll(store: Store, table: TableSchema, scope: Scope): Promise<void> {
  const maxSeq = store.writer.position;
  await store.writer.submit((tx) =>
    tx.commitSegment({
      tableId: table.id,
      scope,
      path: `${table.id}/${scope}/${maxSeq}`,
      schemaVersion: 1,
      rows: 1,
      bytes: 1,
      minSeq: maxSeq,
      maxSeq,
      minKey: 0n,
      maxKey: 10n ** 9n,
      createdAtMs: 0,
    }),
  );
}

const KINDS = [
  ["user", ALICE],
  ["shared", SHARED_SCOPE],
] as const;

describe("rows that a segment holds", () => {
  test.each(KINDS)(
    "ST-12 leave a %s table in works of a bounded number of rows, of which nobody is told",
    async (kind, scope) => {
      const begun: number[] = [];
      let stored = (): number => 0;
      await using fixture = openTestStore({ failpoint: (name) => name === "begin" && begun.push(stored()) });
      const store = fixture.current;
      const table = await createTable(store, "notes", kind);
      await putRows(store, table, scope, range(0, 3 * TRIM_ROWS));
      await commitAll(store, table, scope);
      const { position } = store.writer;
      const events: CommitEvent[] = [];
      store.writer.onCommit((event) => events.push(event));
      stored = () => storedRows(store, table);
      begun.length = 0;
      expect([store.writer.bufferedRows(table.id), stored()]).toEqual([0, 3 * TRIM_ROWS]);
      await store.trimmed();
      begun.push(stored());
      const removed = begun.slice(1).map((rows, index) => (begun[index] ?? 0) - rows);
      expect(Math.max(...removed)).toBeLessThanOrEqual(TRIM_ROWS);
      expect(begun.at(-1)).toBe(0);
      expect([events, store.writer.position]).toEqual([[], position]);
    },
  );

  test.each(KINDS)(
    "ST-02 versions of a %s table written since the flush stay, wherever their keys lie",
    async (kind, scope) => {
      await using fixture = openTestStore();
      const store = fixture.current;
      const table = await createTable(store, "notes", kind);
      await putRows(
        store,
        table,
        scope,
        range(0, 2_000).map((key) => key * 2),
      );
      if (kind === "user") await putRows(store, table, BOB, range(0, 10));
      await commitAll(store, table, scope);
      // Between, below and above the flushed keys, and over some of them before they have been removed.
      const newer = await putRows(store, table, scope, [-1, 1, 100, 101, 3_999, 5_000]);
      expect(store.reader.get(table, scope, 102n)).toBeUndefined();
      const others = kind === "user" ? 10 : 0;
      expect(store.writer.bufferedRows(table.id)).toBe(6 + others);
      await store.trimmed();
      expect(newer.map(({ cells }) => store.reader.get(table, scope, cells[0] ?? null))).toEqual(newer);
      expect([storedRows(store, table), store.writer.bufferedRows(table.id)]).toEqual([6 + others, 6 + others]);
    },
  );

  test.each(KINDS)(
    "ST-04 a version of a %s table that was flushed is not the buffer's to replace, though it still lies there",
    async (kind, scope) => {
      await using fixture = openTestStore();
      const store = fixture.current;
      const table = await createTable(store, "notes", kind);
      const [flushed, kept] = await putRows(store, table, scope, [1, 2]);
      await commitAll(store, table, scope);
      const [written] = await putRows(store, table, scope, [2]);
      if (flushed === undefined || kept === undefined || written === undefined) throw new Error("rows were written");
      const replace = (found: RowVersion) =>
        store.writer.submit((tx) => tx.replace(table, scope, found, { cells: found.cells, deleted: true }));
      expect(storedRows(store, table)).toBe(2);
      expect((await replace(flushed)).value).toBeUndefined();
      expect((await replace(kept)).value).toBeUndefined();
      expect(store.writer.bufferedRows(table.id)).toBe(1);
      expect((await replace(written)).value).toMatchObject({ deleted: true, cells: written.cells });
      expect(store.writer.bufferedRows(table.id)).toBe(1);
      expect(store.reader.get(table, scope, 2n)?.deleted).toBe(true);
    },
  );

  test("ST-01 a COMMIT that only removes is not synced; every other one is", async () => {
    const levels: number[] = [];
    let writerDb: Database | undefined;
    const failpoint = (name: string): void => {
      if (name === "commit") levels.push(Number(writerDb?.query("PRAGMA synchronous").values()[0]?.[0]));
    };
    // The writer's connection is the first that is opened.
    const registerFunctions = (db: Database): void => {
      writerDb ??= db;
    };
    await using fixture = openTestStore({ durability: "full", failpoint, registerFunctions });
    const store = fixture.current;
    const table = await createTable(store, "notes");
    await putRows(store, table, ALICE, range(0, 3 * TRIM_ROWS));
    await commitAll(store, table, ALICE);
    const [normal, full] = [1, 2];
    expect(new Set(levels)).toEqual(new Set([full]));
    levels.length = 0;
    await store.trimmed();
    expect(levels.length).toBeGreaterThanOrEqual(3);
    expect(new Set(levels)).toEqual(new Set([normal]));
    levels.length = 0;
    await putRows(store, table, ALICE, [1]);
    expect(levels).toEqual([full]);
    expect(storedRows(store, table)).toBe(1);
  });

  test("ST-03 a version that a segment holds is gone for readers and writers alike before it is removed", async () => {
    await using fixture = openTestStore();
    const store = fixture.current;
    const table = await createTable(store, "notes");
    await putRows(store, table, ALICE, [1]);
    await commitAll(store, table, ALICE);
    expect(storedRows(store, table)).toBe(1);
    expect(store.reader.get(table, ALICE, 1n)).toBeUndefined();
    expect((await store.writer.submit((tx) => tx.get(table, ALICE, 1n))).value).toBeUndefined();
  });

  test("ST-03 the removal goes on at the next start", async () => {
    await using fixture = openTestStore();
    const table = await createTable(fixture.current, "notes");
    await putRows(fixture.current, table, ALICE, range(0, 5_000));
    await commitAll(fixture.current, table, ALICE);
    const store = await fixture.reopen();
    expect([store.writer.bufferedRows(table.id), store.writer.bufferedScopes(table.id)]).toEqual([0, []]);
    expect(storedRows(store, table)).toBe(5_000);
    await store.trimmed();
    expect(storedRows(store, table)).toBe(0);
  });

  test("ST-03 a removal that the disk refuses is tried again", async () => {
    let failures = 0;
    const log: string[] = [];
    const keep = (text: string): void => void log.push(text);
    await using fixture = openTestStore({
      log: { debug: () => undefined, info: () => undefined, warn: keep, error: () => undefined },
      failpoint: (name) => {
        if (name !== "commit" || failures === 0) return;
        failures -= 1;
        throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
      },
    });
    const store = fixture.current;
    const table = await createTable(store, "notes");
    await putRows(store, table, ALICE, range(0, 10));
    await commitAll(store, table, ALICE);
    failures = 1;
    await store.trimmed();
    expect(storedRows(store, table)).toBe(0);
    expect(log).toContain("rows that were flushed or dropped could not be removed yet");
  });
});

describe("a dropped table", () => {
  test("TB-01 is gone at once; its rows are removed afterwards, also after a restart, then the table itself", async () => {
    await using fixture = openTestStore();
    const table = await createTable(fixture.current, "notes");
    await putRows(fixture.current, table, ALICE, range(0, 5_000));
    const dropped: CommitEvent["droppedTables"][] = [];
    fixture.current.writer.onCommit(({ droppedTables }) => dropped.push(droppedTables));
    await fixture.current.writer.submit((tx) => tx.dropTable(table));
    expect(dropped).toEqual([[table]]);
    expect(storedRows(fixture.current, table)).toBe(5_000);
    const successor = await createTable(fixture.current, "notes");
    await putRows(fixture.current, successor, ALICE, [1]);
    const store = await fixture.reopen();
    expect(store.catalog.tables()).toEqual([successor]);
    await store.trimmed();
    expect([storedRows(store, table), storedRows(store, successor)]).toEqual([-1, 1]);
  });

  test("TB-01 a drop that is rolled back removes nothing", async () => {
    await using fixture = openTestStore();
    const store = fixture.current;
    const table = await createTable(store, "notes");
    await putRows(store, table, ALICE, range(0, 10));
    const failed = store.writer.submit((tx) => {
      tx.dropTable(table);
      throw new Error("boom");
    });
    expect(await failed.catch(String)).toBe("Error: boom");
    await putRows(store, table, ALICE, [10]);
    await store.trimmed();
    expect([storedRows(store, table), store.writer.bufferedRows(table.id)]).toEqual([11, 11]);
  });

  test("TB-01 segments of a dropped namespace's tables are gone at once, and a restart does not bring them back", async () => {
    await using fixture = openTestStore();
    const table = await createTable(fixture.current, "notes");
    for (const scope of [ALICE, BOB]) {
      await putRows(fixture.current, table, scope, [1]);
      await commitAll(fixture.current, table, scope);
    }
    const keep = await createTable(fixture.current, "kept");
    await putRows(fixture.current, keep, ALICE, [1]);
    await commitAll(fixture.current, keep, ALICE);
    await fixture.current.writer.submit((tx) => tx.dropTable(table));
    const paths = (store: Store): string[] => store.catalog.allSegments().map(({ path }) => path);
    const before = paths(fixture.current);
    expect(before).toHaveLength(1);
    expect(paths(await fixture.reopen())).toEqual(before);
  });
});
