// Flush jobs over a real store. What moves the rows is a seam, so that a test decides when a scope is done and whether it fails.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseUserId, type Scope, scopeOfUser } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { type JobFlushRequest, SCOPES_AT_ONCE } from "../../src/jobs/flush-kind.ts";
import { createJobs, type JobDeps, type Jobs } from "../../src/jobs/jobs.ts";
import type { JobRecord } from "../../src/model/job.ts";
import type { TableOptions, TableSchema } from "../../src/model/schema.ts";
import { createFlusher, type ScopeFlushed } from "../../src/storage/cold/flush.ts";
import type { Store } from "../../src/storage/store.ts";
import { jobRecord } from "../storage/job-record.ts";
import {
  ALICE,
  BOB,
  CHAT,
  definition,
  failureOf,
  openTestStore,
  type TestStore,
  write,
} from "../storage/open-test-store.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";
import { testCompaction } from "../support/test-compaction.ts";

interface Fixture extends AsyncDisposable {
  readonly test: TestStore;
  readonly store: Store;
  readonly jobs: Jobs;
  readonly flushed: Scope[];
  /** Replaces what happens to a scope; the default moves its rows for real. */
  onScope: ((scope: Scope, signal: AbortSignal) => Promise<ScopeFlushed> | undefined) | undefined;
  table(name: string, policy?: TableOptions["flushPolicy"]): Promise<TableSchema>;
  rows(table: TableSchema, scope: Scope, ids: readonly number[]): Promise<void>;
  job(id: string): JobRecord | undefined;
}

function openJobs(options: Partial<JobDeps> = {}): Fixture {
  const testStore = openTestStore();
  const store = testStore.current;
  const { writer, catalog, path } = store;
  const storageDir = join(testStore.dataDir, "storage");
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock: testStore.clock });
  const { compaction } = testCompaction({ store, storageDir, flusher, clock: testStore.clock });
  const flushed: Scope[] = [];
  const fixture: Fixture = {
    test: testStore,
    store,
    flushed,
    onScope: undefined,
    jobs: createJobs({
      ...NO_OTHER_JOBS,
      clock: testStore.clock,
      log: silentLog,
      catalog,
      writer,
      compaction,
      maxQueued: 3,
      maxConcurrent: 1,
      flushScope: (request: JobFlushRequest) => {
        const { scope, signal } = request;
        flushed.push(scope);
        return fixture.onScope?.(scope, signal) ?? flusher.flushScope(request);
      },
      ...options,
    }),
    async table(name, flushPolicy) {
      const base = definition(name);
      const { value } = await writer.submit((tx) => {
        if (tx.catalog.namespace(CHAT) === undefined) tx.createNamespace(CHAT);
        return tx.createTable({ ...base, options: { ...base.options, flushPolicy } });
      });
      return value;
    },
    async rows(table, scope, ids) {
      await writer.submit((tx) => {
        for (const id of ids) write(tx, { table, scope, cells: [BigInt(id), "text"] });
      });
    },
    job: (id) => catalog.jobs().find((record) => record.id === id),
    async [Symbol.asyncDispose]() {
      await fixture.jobs.stop();
      flusher.close();
      await testStore[Symbol.asyncDispose]();
    },
  };
  return fixture;
}

function idOf(started: { readonly jobId: string } | { readonly skipped: string }): string {
  if ("skipped" in started) throw new Error(`skipped: ${started.skipped}`);
  return started.jobId;
}

const NOTHING: ScopeFlushed = { rows: 0, bytes: 0, segments: [], usage: { memoryBytes: 0, cpuUs: 0 } };

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test("ST-08 ST-09 a flush is answered while it waits, and its row tells how it ended", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1, 2]);
  await it.rows(table, BOB, [3]);
  const id = idOf(await it.jobs.flushTable(table));
  expect(it.job(id)).toMatchObject({ status: "pending", startedAtMs: undefined });
  await it.jobs.idle();
  expect(it.job(id)).toMatchObject({
    status: "completed",
    message: "Flushed chat.t successfully (3 rows, 2 files)",
    finishedAtMs: it.test.clock.wallMs,
  });
  expect(it.store.writer.bufferedRows(table.id)).toBe(0);
});

test("ST-08 a second request for a table gets the job that already waits, in the same turn too", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  const [first, second] = await Promise.all([it.jobs.flushTable(table), it.jobs.flushTable(table)]);
  expect(second).toEqual(first);
  await it.jobs.idle();
  expect(it.store.catalog.jobs()).toHaveLength(1);
});

test("ST-08 a table with nothing buffered makes no job", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  expect(await it.jobs.flushTable(table)).toEqual({ skipped: "no pending writes" });
  expect(it.store.catalog.jobs()).toEqual([]);
});

test("ST-02 a user whose flush fails keeps the rows, the others' are flushed, and the trace names the user", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1, 2]);
  await it.rows(table, BOB, [3]);
  it.onScope = (scope) => (scope === ALICE ? Promise.reject(new Error("disk on fire")) : undefined);
  const id = idOf(await it.jobs.flushTable(table));
  await it.jobs.idle();
  expect(it.job(id)).toMatchObject({ status: "failed", trace: "user 'alice': Error: disk on fire" });
  expect(it.store.writer.bufferedScopes(table.id)).toEqual([ALICE]);
  expect(it.store.writer.bufferedRows(table.id)).toBe(2);
});

test("ST-08 a flush whose table is dropped meanwhile says so, whatever befell its files", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  it.onScope = async () => {
    await it.store.writer.submit((tx) => tx.dropTable(table));
    throw new Error("ENOENT: no such file or directory, rename");
  };
  const id = idOf(await it.jobs.flushTable(table));
  await it.jobs.idle();
  expect(it.job(id)).toMatchObject({ status: "failed", message: "The table was dropped while it was flushed" });
});

test("ST-08 KILL JOB ends a running job at its scope, keeps what is not flushed, and says who ended it", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  for (let user = 0; user <= SCOPES_AT_ONCE; user += 1) {
    await it.rows(table, scopeOfUser(parseUserId(`user-${user}`)), [1]);
  }
  const entered = Promise.withResolvers<void>();
  it.onScope = (_scope, signal) => {
    entered.resolve();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("interrupted")));
    });
  };
  const id = idOf(await it.jobs.flushTable(table));
  await entered.promise;
  expect(["cancelled", "ending"]).toContain(await it.jobs.killJob(id));
  await it.jobs.idle();
  expect(it.job(id)).toMatchObject({ status: "cancelled", message: "Cancelled by user (0 rows, 0 files)" });
  expect(it.flushed).toHaveLength(SCOPES_AT_ONCE);
  expect(it.store.writer.bufferedRows(table.id)).toBe(SCOPES_AT_ONCE + 1);
  expect(await it.jobs.killJob(id)).toBe("finished");
  expect(await it.jobs.killJob("FL-000000000000")).toBe("unknown");
});

test("ST-08 KILL JOB ends a job that still waits before it touches a row", async () => {
  await using it = openJobs();
  const [first, second] = [await it.table("one"), await it.table("two")];
  await it.rows(first, ALICE, [1]);
  await it.rows(second, ALICE, [1]);
  idOf(await it.jobs.flushTable(first));
  const id = idOf(await it.jobs.flushTable(second));
  expect(["cancelled", "ending"]).toContain(await it.jobs.killJob(id));
  await it.jobs.idle();
  expect(it.job(id)?.status).toBe("cancelled");
  expect(it.store.writer.bufferedRows(second.id)).toBe(1);
  expect(it.store.writer.bufferedRows(first.id)).toBe(0);
});

test("ST-08 past its bound the queue of jobs refuses the next with SERVER_BUSY", async () => {
  await using it = openJobs();
  const tables = await Promise.all(["a", "b", "c", "d"].map((name) => it.table(name)));
  for (const table of tables) await it.rows(table, ALICE, [1]);
  const started = await Promise.allSettled(tables.map((table) => it.jobs.flushTable(table)));
  expect(started.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected"]);
  expect(started[3]).toMatchObject({ reason: { code: "SERVER_BUSY" } });
});

test("a job that cannot be written down is refused, and the next request for its table starts one", async () => {
  let isFull = true;
  await using it = openJobs();
  const { writer } = it.store;
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock: it.test.clock,
    log: silentLog,
    catalog: it.store.catalog,
    compaction: { isDue: () => false, compactScope: () => Promise.reject(new Error("not asked for")) },
    maxQueued: 3,
    maxConcurrent: 1,
    writer: {
      get position() {
        return writer.position;
      },
      submit: (work) => (isFull ? Promise.reject(new Error("full")) : writer.submit(work)),
      submitInSlices: (work) => writer.submitInSlices(work),
      onCommit: (listener) => writer.onCommit(listener),
      bufferedRows: (id) => writer.bufferedRows(id),
      bufferedScopes: (id) => writer.bufferedScopes(id),
      close: () => writer.close(),
    },
    flushScope: () => Promise.resolve({ rows: 1, bytes: 1, segments: [], usage: { memoryBytes: 0, cpuUs: 0 } }),
  });
  expect(await failureOf(jobs.flushTable(table))).toMatchObject({ message: "full" });
  await jobs.idle();
  isFull = false;
  const id = idOf(await jobs.flushTable(table));
  await jobs.idle();
  expect(it.job(id)?.status).toBe("completed");
});

test("ST-02 a policy by rows flushes at its count and not one row before", async () => {
  await using it = openJobs();
  const table = await it.table("t", { rows: 5, intervalSeconds: undefined });
  await it.rows(table, ALICE, upTo(4));
  await it.jobs.checkPolicies();
  expect(it.store.catalog.jobs()).toEqual([]);
  await it.rows(table, BOB, [9]);
  await it.jobs.checkPolicies();
  await it.jobs.idle();
  expect(it.store.writer.bufferedRows(table.id)).toBe(0);
});

test("ST-02 a policy by interval counts from the first row that waits", async () => {
  await using it = openJobs();
  const table = await it.table("t", { rows: undefined, intervalSeconds: 60 });
  const at = async (seconds: number): Promise<number> => {
    it.test.clock.monotonic = seconds * 1000;
    await it.jobs.checkPolicies();
    await it.jobs.idle();
    return it.store.catalog.jobs().length;
  };
  expect(await at(0)).toBe(0);
  // An hour in which nothing waits does not count.
  expect(await at(3600)).toBe(0);
  await it.rows(table, ALICE, [1]);
  expect(await at(3601)).toBe(0);
  expect(await at(3659)).toBe(0);
  expect(await at(3660)).toBe(1);
  await it.rows(table, ALICE, [2]);
  expect(await at(3719)).toBe(1);
  expect(await at(3720)).toBe(2);
});

test("ST-02 of rows and interval whichever comes first flushes", async () => {
  await using it = openJobs();
  const table = await it.table("t", { rows: 3, intervalSeconds: 60 });
  await it.jobs.checkPolicies();
  await it.rows(table, ALICE, upTo(3));
  await it.jobs.checkPolicies();
  await it.jobs.idle();
  expect(it.store.writer.bufferedRows(table.id)).toBe(0);
  await it.rows(table, ALICE, [7]);
  it.test.clock.monotonic += 60_000;
  await it.jobs.checkPolicies();
  await it.jobs.idle();
  expect(it.store.writer.bufferedRows(table.id)).toBe(0);
});

test("a policy whose flush fails is tried again ever less often", async () => {
  await using it = openJobs();
  const table = await it.table("t", { rows: 1, intervalSeconds: undefined });
  await it.rows(table, ALICE, [1]);
  it.onScope = () => Promise.reject(new Error("no"));
  const started: number[] = [];
  for (let second = 0; second <= 100; second += 1) {
    it.test.clock.monotonic = second * 1000;
    const before = it.store.catalog.jobs().length;
    await it.jobs.checkPolicies();
    await it.jobs.idle();
    if (it.store.catalog.jobs().length > before) started.push(second);
  }
  expect(started).toEqual([0, 10, 30, 70]);
});

test("ST-08 a flush that a crash interrupted, or that still waited, is taken up at the next start", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1, 2]);
  const parameters = JSON.stringify({ table: "chat.t", table_id: table.id });
  const left = jobRecord("FL-000000000001", { status: "running", parameters, startedAtMs: 2 });
  await it.store.writer.submit((tx) => {
    tx.putJob(left);
    tx.putJob({ ...left, id: "FL-000000000002", status: "completed", finishedAtMs: 3 });
  });
  await it.jobs.recover();
  await it.jobs.idle();
  expect(it.job("FL-000000000001")).toMatchObject({ status: "completed", retries: 1, startedAtMs: 2 });
  expect(it.job("FL-000000000002")?.finishedAtMs).toBe(3);
  expect(it.store.writer.bufferedRows(table.id)).toBe(0);
});

test("ST-08 a job that took the server down too often, or whose parameters mean nothing, is failed with a trace", async () => {
  await using it = openJobs();
  const parameters = JSON.stringify({ table: "chat.t", table_id: 1 });
  await it.store.writer.submit((tx) => {
    tx.putJob(jobRecord("FL-000000000001", { status: "running", parameters, retries: 3 }));
    tx.putJob(jobRecord("FL-000000000002", { status: "pending", parameters: "{}" }));
  });
  await it.jobs.recover();
  await it.jobs.idle();
  for (const id of ["FL-000000000001", "FL-000000000002"]) {
    expect(it.job(id)).toMatchObject({ status: "failed", message: "Server restarted", trace: expect.any(String) });
  }
});

test("ST-10 a job asked for in the turn of the stop keeps its row for the next start; a later one is refused", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  const asked = it.jobs.flushTable(table);
  await it.jobs.stop();
  expect(it.job(idOf(await asked))?.status).toBe("pending");
  const other = await it.table("u");
  await it.rows(other, ALICE, [1]);
  expect(await failureOf(it.jobs.flushTable(other))).toMatchObject({ code: "SHUTTING_DOWN" });
});

test("ST-10 a stop lets the running job end within its time", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<undefined>();
  it.onScope = () => {
    entered.resolve();
    return gate.promise.then(() => NOTHING);
  };
  const id = idOf(await it.jobs.flushTable(table));
  await entered.promise;
  const stopped = it.jobs.stop(60_000);
  gate.resolve(undefined);
  await stopped;
  expect(it.job(id)?.status).toBe("completed");
});

test("ST-10 a stop interrupts the job that outlasts its time, which the next start takes up", async () => {
  await using it = openJobs();
  const table = await it.table("t");
  await it.rows(table, ALICE, [1]);
  const entered = Promise.withResolvers<void>();
  it.onScope = (_scope, signal) => {
    entered.resolve();
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("interrupted"))));
  };
  const id = idOf(await it.jobs.flushTable(table));
  await entered.promise;
  await it.jobs.stop(0);
  expect(it.job(id)).toMatchObject({ status: "pending", message: "Interrupted by a shutdown (0 rows, 0 files)" });
});
