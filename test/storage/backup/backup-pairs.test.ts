// A backup has read the data file and copied no file that it names; then something is committed that would have these files removed. What is restored is as of the moment
// at which it read.
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scope } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import { folderSource, restoreBackup } from "../../../src/storage/backup/restore-backup.ts";
import { createCompactor } from "../../../src/storage/cold/compact.ts";
import { createDroppedFiles } from "../../../src/storage/cold/dropped-files.ts";
import { createFlusher } from "../../../src/storage/cold/flush.ts";
import { createRetiredFiles } from "../../../src/storage/cold/retired-files.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { createHoldableStore } from "../../../src/storage/objects/holdable-store.ts";
import { newestVersions } from "../cold/compaction-fixture.ts";
import { ALICE, BOB, createTable, openTestStore, temporaryFolder, write } from "../open-test-store.ts";

const GRACE_MS = 60_000;

type World = Awaited<ReturnType<typeof openWorld>>;

/** Two flushes of one user's rows, one of another's, and rows of both that are buffered. */
async function openWorld() {
  const testStore = openTestStore();
  const { current: store, clock, dataDir } = testStore;
  const { writer, catalog, path } = store;
  const storageDir = join(dataDir, "storage");
  const objects = createHoldableStore(openFilesystemStore(storageDir));
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock });
  const retired = createRetiredFiles({ objects, databasePath: path, writer, clock, log: silentLog, graceMs: GRACE_MS });
  const settings = { minRuns: 2, targetRows: 1_000, targetBytes: 1 << 20, tombstoneRetentionMs: GRACE_MS };
  const compactor = createCompactor({ storageDir, catalog, writer, worker: flusher.worker, clock, settings, retired });
  const droppedFiles = createDroppedFiles({ foldersOf: () => ["chat"], objects, databasePath: path, log: silentLog });
  const table = await createTable(store, "notes");
  const put = (scope: Scope, cells: readonly Cell[], deleted = false): Promise<unknown> =>
    writer.submit((tx) => write(tx, { table, scope, cells, deleted }));
  const flush = async (): Promise<void> => {
    for (const scope of writer.bufferedScopes(table.id)) {
      await flusher.flushScope({ schema: table, scope, upTo: writer.position });
    }
    await store.trimmed();
  };
  for (const id of [1n, 2n, 3n]) await put(ALICE, [id, "old"]);
  await put(BOB, [1n, "bob's"]);
  await flush();
  await put(ALICE, [2n, "new"]);
  await put(ALICE, [3n, "old"], true);
  await put(ALICE, [4n, "new"]);
  await flush();
  await put(ALICE, [1n, "newest"]);
  await put(BOB, [2n, "bob's newest"]);
  const { signal } = new AbortController();
  const removals: Promise<unknown>[] = [];
  return {
    testStore,
    table,
    objects,
    put,
    flush,
    /** The files replaced may go, and are asked to. */
    async merge() {
      await compactor.compactScope({ table: table.id, scope: ALICE, mode: "full", signal });
      this.removeRetired();
    },
    removeRetired() {
      clock.monotonic += GRACE_MS;
      removals.push(retired.sweep());
    },
    async empty(scope: Scope) {
      const { value } = await writer.submit((tx) => tx.emptyScope(table, scope));
      retired.retire(value);
      this.removeRetired();
      await store.trimmed();
    },
    async drop() {
      await writer.submit((tx) => tx.dropTable(table));
      droppedFiles.remove(table);
      removals.push(droppedFiles.idle());
      await store.trimmed();
    },
    removed: () => Promise.all(removals),
    async [Symbol.asyncDispose]() {
      flusher.close();
      await testStore[Symbol.asyncDispose]();
    },
  };
}

/** With whether files that the backup names go when it has ended. */
const COMMITS: readonly (readonly [string, boolean, (world: World) => Promise<unknown>])[] = [
  ["a merge, whose replaced files may go", true, (w) => w.merge()],
  ["a flush, whose rows leave the data file", false, (w) => w.flush()],
  [
    "a flush and a merge",
    true,
    async (w) => {
      await w.flush();
      await w.merge();
    },
  ],
  ["a scope that is emptied", true, (w) => w.empty(ALICE)],
  ["a table that is dropped", true, (w) => w.drop()],
  ["a write and a delete", false, (w) => Promise.all([w.put(ALICE, [9n, "late"]), w.put(ALICE, [4n, "new"], true)])],
];

async function rowsOf(store: ReturnType<typeof openTestStore>, table: TableSchema): Promise<unknown> {
  const objects = openFilesystemStore(join(store.dataDir, "storage"));
  const rows = [];
  for (const scope of [ALICE, BOB]) {
    for (const { cells, deleted } of (await newestVersions({ store, objects }, { table, scope })).values()) {
      if (!deleted) rows.push([scope, ...cells]);
    }
  }
  return rows.map(String).sort();
}

test.each(COMMITS)(
  "OP-03 ST-03 ST-04 a backup holds the rows of the moment it read, with %s before it copies files",
  async (_what, goes, commit) => {
    await using world = await openWorld();
    using root = temporaryFolder();
    const { testStore, table, objects } = world;
    const before = await rowsOf(testStore, table);
    expect(before).toEqual(["alice,1,newest", "alice,2,new", "alice,4,new", "bob,1,bob's", "bob,2,bob's newest"]);
    const segments = testStore.current.catalog.allSegments();
    const target = join(root.path, "backup");
    const goOn = join(root.path, "go-on");
    const release = objects.hold();
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "backing-up-child.ts"), "wait", testStore.dataDir, target, goOn],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toStartWith("read ");
    await commit(world);
    writeFileSync(goOn, "");
    expect(await child.exited).toBe(0);
    const areAllThere = (): boolean =>
      segments.every(({ path }) => existsSync(join(testStore.dataDir, "storage", path)));
    expect(areAllThere()).toBe(true);
    release();
    await world.removed();
    expect(areAllThere()).toBe(!goes);
    const dataDir = join(root.path, "data");
    await restoreBackup({ from: folderSource(target), dataDir, nowMs: 1 }, () => undefined);
    await using restored = openTestStore({ dataDir });
    expect(restored.current.catalog.allSegments()).toEqual(segments);
    expect(await rowsOf({ ...restored, current: restored.current, dataDir }, table)).toEqual(before);
    expect(restored.current.writer.bufferedRows(table.id)).toBe(2);
  },
);
