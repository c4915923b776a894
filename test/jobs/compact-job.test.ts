// Compaction as a job: what asks for it, and what its row says.
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Scope } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { createJobs, type Jobs } from "../../src/jobs/jobs.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, BOB, createTable, openTestStore, type TestStore, write } from "../storage/open-test-store.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";
import { testCompaction } from "../support/test-compaction.ts";

interface Fixture extends AsyncDisposable {
  readonly clock: TestStore["clock"];
  readonly store: Store;
  readonly jobs: Jobs;
  row(table: TableSchema, scope: Scope, id: number): Promise<void>;
  flush(table: TableSchema): Promise<void>;
}

function openJobs(compactsByItself: boolean): Fixture {
  const testStore = openTestStore();
  const store = testStore.current;
  const { writer, catalog, path } = store;
  const { clock } = testStore;
  const storageDir = join(testStore.dataDir, "storage");
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock });
  const settings = { "compaction.min_files": 2, "compaction.enabled": compactsByItself };
  const { compaction } = testCompaction({ store, storageDir, flusher, clock, settings });
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock,
    log: silentLog,
    catalog,
    writer,
    compaction,

    maxQueued: 10,
    maxConcurrent: 2,
    flushScope: (request) => flusher.flushScope(request),
  });
  return {
    clock,
    store,
    jobs,
    async row(table, scope, id) {
      await writer.submit((tx) => write(tx, { table, scope, cells: [BigInt(id), "text"] }));
    },
    async flush(table) {
      await jobs.flushTable(table);
      await jobs.idle();
    },
    async [Symbol.asyncDispose]() {
      await jobs.stop();
      flusher.close();
      await testStore[Symbol.asyncDispose]();
    },
  };
}

function idOf(started: { readonly jobId: string } | { readonly skipped: string }): string {
  if ("skipped" in started) throw new Error(`skipped: ${started.skipped}`);
  return started.jobId;
}

test("ST-04 ST-09 STORAGE COMPACT is answered with a job that merges every scope's files, one for each table", async () => {
  await using it = openJobs(false);
  const table = await createTable(it.store, "t");
  for (const id of [1, 2]) {
    await it.row(table, ALICE, id);
    await it.row(table, BOB, id);
    await it.flush(table);
  }
  const [first, second] = await Promise.all([it.jobs.compactTable(table), it.jobs.compactTable(table)]);
  expect(second).toEqual(first);
  await it.jobs.idle();
  const record = it.store.catalog.job(idOf(first));
  expect(record).toMatchObject({
    type: "compact",
    status: "completed",
    message: "Compacted chat.t successfully (4 files into 2)",
  });
  expect(record?.memoryUsed).toBeGreaterThan(0);
  expect(it.store.catalog.segmentsOfTable(table.id).map(({ rows }) => rows)).toEqual([2, 2]);

  const nothing = await it.jobs.compactTable(table);
  await it.jobs.idle();
  expect(it.store.catalog.job(idOf(nothing))).toMatchObject({
    status: "completed",
    message: "Compacted chat.t successfully (nothing to merge)",
    memoryUsed: undefined,
    cpuUsed: undefined,
  });
});

test("ST-04 a table without flushed files has nothing to compact", async () => {
  await using it = openJobs(false);
  const table = await createTable(it.store, "t");
  await it.row(table, ALICE, 1);
  expect(await it.jobs.compactTable(table)).toEqual({ skipped: "no flushed files" });
});

test("ST-04 a flush that leaves enough files of a scope starts a compaction of its own, unless it is switched off", async () => {
  for (const compactsByItself of [true, false]) {
    await using it = openJobs(compactsByItself);
    const table = await createTable(it.store, "t");
    for (const id of [1, 2]) {
      await it.row(table, ALICE, id);
      await it.flush(table);
    }
    await it.jobs.idle();
    const compactions = it.store.catalog.jobs().filter(({ type }) => type === "compact");
    expect(compactions.map(({ status }) => status)).toEqual(compactsByItself ? ["completed"] : []);
    expect(it.store.catalog.segments(table.id, ALICE).length).toBe(compactsByItself ? 1 : 2);
  }
});

test("ST-04 deletes in a table that nobody writes to any more go by themselves, with what they ended", async () => {
  await using it = openJobs(true);
  const tables = [await createTable(it.store, "resting"), await createTable(it.store, "kept")] as const;
  for (const table of tables) {
    for (const id of [1, 2, 3]) await it.row(table, BOB, id);
    if (table === tables[0]) {
      await it.store.writer.submit((tx) => write(tx, { table, scope: BOB, cells: [1n, "text"], deleted: true }));
    }
    await it.flush(table);
  }
  const versions = (): unknown =>
    tables.map(({ id }) => it.store.catalog.segmentsOfTable(id).map(({ rows, tombstones }) => [rows, tombstones]));
  const look = async (afterMs: number): Promise<number> => {
    it.clock.wallMs += afterMs;
    it.clock.monotonic += afterMs;
    await it.jobs.checkUpkeep();
    await it.jobs.idle();
    return it.store.catalog.jobs().filter(({ type }) => type === "compact").length;
  };
  const retentionMs = 168 * HOUR_MS;
  expect([await look(0), await look(retentionMs - 1), versions()]).toEqual([0, 0, [[[3, 1]], [[3, 0]]]]);
  expect([await look(HOUR_MS), versions()]).toEqual([1, [[[2, 0]], [[3, 0]]]]);
  expect(await look(retentionMs)).toBe(1);
});

const HOUR_MS = 3_600_000;
