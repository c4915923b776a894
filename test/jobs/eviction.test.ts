// Ends of rows of STREAM tables are forgotten by a job, which leaves one row however often it runs.
import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { createJobs } from "../../src/jobs/jobs.ts";
import { ALICE, CHAT, definition, openTestStore, write } from "../storage/open-test-store.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";

test("ST-08 TB-03 eviction has a job when there is something to forget, and of those that went well one row stays", async () => {
  await using testStore = openTestStore();
  const { current: store, clock } = testStore;
  const { catalog, writer, streams } = store;
  const { value: feed } = await writer.submit((tx) => {
    tx.createNamespace(CHAT);
    const plain = definition("feed", "stream");
    return tx.createTable({ ...plain, options: { ...plain.options, ttlSeconds: 10 } });
  });
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock,
    log: silentLog,
    catalog,
    writer,
    streams,
    maxQueued: 10,
    maxConcurrent: 1,
    flushScope: () => Promise.reject(new Error("nothing to flush")),
  });
  await jobs.checkStreams();
  expect(catalog.jobs()).toEqual([]);
  for (let round = 1; round <= 3; round += 1) {
    await writer.submit((tx) => {
      for (let id = 0n; id < 700n; id += 1n) write(tx, { table: feed, scope: ALICE, cells: [id, "x"] });
    });
    clock.wallMs += 10_001;
    await streams.expire();
    // The ends are still there for clients that come back.
    expect([streams.rowCount(feed), streams.hasForgettable()]).toEqual([700, false]);
    clock.wallMs += 60_001;
    await jobs.checkStreams();
    await jobs.idle();
    expect(streams.rowCount(feed)).toBe(0);
    while (catalog.jobs().length > 1) await Bun.sleep(1);
    expect(catalog.jobs()).toMatchObject([
      { type: "stream_eviction", status: "completed", message: "Forgot 700 ended row(s) of STREAM tables" },
    ]);
  }
  await jobs.stop();
});

test("TB-03 while more than half of the memory is taken, what may be forgotten does not wait for the job", async () => {
  await using testStore = openTestStore({
    streamLimits: { rowsPerUser: 1_000, bytesPerUser: 1 << 20, totalBytes: 400_000 },
  });
  const { current: store, clock } = testStore;
  const { writer, streams } = store;
  const { value: feed } = await writer.submit((tx) => {
    tx.createNamespace(CHAT);
    const plain = definition("feed", "stream");
    return tx.createTable({ ...plain, options: { ...plain.options, ttlSeconds: 10 } });
  });
  await writer.submit((tx) => {
    for (let id = 0n; id < 1_000n; id += 1n) write(tx, { table: feed, scope: ALICE, cells: [id, "x"] });
  });
  clock.wallMs += 10_001;
  await streams.expire();
  expect(streams.rowCount(feed)).toBe(1_000);
  clock.wallMs += 60_001;
  await streams.expire();
  expect([streams.rowCount(feed) < 1_000, streams.hasForgettable()]).toEqual([true, false]);
});
