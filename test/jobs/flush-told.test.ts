import { expect, test } from "bun:test";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { createJobs } from "../../src/jobs/jobs.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import { ALICE, createTable, openTestStore, write } from "../storage/open-test-store.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";

test("ST-08 KILL JOB in the middle of a scope tells the files that were committed before, and how far they were on the way", async () => {
  await using fixture = openTestStore();
  const { current: store, clock, dataDir } = fixture;
  const { writer, catalog, path: databasePath } = store;
  const table = await createTable(store, "notes");
  const put = (ids: readonly bigint[]): Promise<unknown> =>
    writer.submit((tx) => ids.map((id) => write(tx, { table, scope: ALICE, cells: [id, "text"] })));
  await put([1n]);
  const firstUpTo = writer.position;
  await put([2n, 3n]);
  const flusher = createFlusher({ databasePath, storageDir: join(dataDir, "storage"), writer, clock });
  const committed = Promise.withResolvers<void>();
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock,
    log: silentLog,
    catalog,
    writer,
    maxQueued: 3,
    maxConcurrent: 1,
    async flushScope(request) {
      await flusher.flushScope({ ...request, upTo: firstUpTo });
      committed.resolve();
      const ended = Promise.withResolvers<never>();
      request.signal.addEventListener("abort", () => ended.reject(new Error("interrupted")), { once: true });
      return ended.promise;
    },
  });
  expect(await jobs.flushTable(table)).toHaveProperty("jobId");
  await committed.promise;
  const [job] = catalog.jobs();
  expect(await jobs.killJob(job?.id ?? "")).not.toBe("finished");
  await jobs.idle();
  flusher.close();
  const told = catalog.job(job?.id ?? "");
  expect(told).toMatchObject({ status: "cancelled", message: "Cancelled by user (1 rows, 1 files)" });
  expect(told?.progress).toBeCloseTo(1 / 3);
  expect(catalog.segments(table.id, ALICE)).toHaveLength(1);
  expect(writer.bufferedRows(table.id)).toBe(2);
  await jobs.stop();
});
