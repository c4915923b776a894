// The runner over a real store, with kinds of jobs whose work the test holds in its hands.
import { expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { createJsonLog } from "../../src/base/log.ts";
import type { JobContext, JobEnd, JobKind, JobKinds, JobValues } from "../../src/jobs/job-kind.ts";
import { JobFailure, textOf } from "../../src/jobs/job-kind.ts";
import { retryDelayMs } from "../../src/jobs/retry.ts";
import { JobRunner, type RunnerDeps } from "../../src/jobs/runner.ts";
import { JOB_TYPES } from "../../src/model/job.ts";
import { openTestStore, type TestStore } from "../storage/open-test-store.ts";
import { until } from "../support/until.ts";

interface Fixture extends AsyncDisposable {
  readonly test: TestStore;
  readonly runner: JobRunner;
  /** Names, in the order their work began. */
  readonly begun: string[];
  readonly running: Set<string>;
  readonly log: string[];
  /** The most that ran at once. */
  peak: number;
  end(name: string): void;
  fail(name: string, error: unknown): void;
}

const DONE: JobEnd = { kind: "completed", message: "done" };

interface Options {
  readonly maxConcurrent?: number;
  readonly afterRestart?: JobKind["afterRestart"];
  readonly onRun?: (context: JobContext, parameters: JobValues) => Promise<JobEnd>;
}

function openRunner({ maxConcurrent = 1, afterRestart = "resume", onRun }: Options = {}): Fixture {
  const testStore = openTestStore();
  const { writer, catalog } = testStore.current;
  const gates = new Map<string, PromiseWithResolvers<JobEnd>>();
  const kind: JobKind = {
    priority: 1,
    maxRetries: 2,
    afterRestart,
    open: (parameters) => ({
      locks: [textOf(parameters, "lock")],
      run: async (context) => {
        const name = textOf(parameters, "name");
        fixture.begun.push(name);
        fixture.running.add(name);
        fixture.peak = Math.max(fixture.peak, fixture.running.size);
        const gate = Promise.withResolvers<JobEnd>();
        gates.set(name, gate);
        try {
          return await (onRun?.(context, parameters) ?? gate.promise);
        } finally {
          fixture.running.delete(name);
        }
      },
    }),
  };
  const deps: RunnerDeps = {
    clock: testStore.clock,
    log: createJsonLog("warn", (line) => fixture.log.push(line)),
    catalog,
    writer,
    kinds: Object.fromEntries(JOB_TYPES.map((type) => [type, kind])) as JobKinds,
    maxQueued: 100,
    maxConcurrent,
    random: () => 0.5,
  };
  const fixture: Fixture = {
    test: testStore,
    runner: new JobRunner(deps),
    begun: [],
    running: new Set(),
    log: [],
    peak: 0,
    end: (name) => gates.get(name)?.resolve(DONE),
    fail: (name, error) => gates.get(name)?.reject(error),
    async [Symbol.asyncDispose]() {
      for (const gate of gates.values()) gate.resolve(DONE);
      await fixture.runner.stop(0);
      await testStore[Symbol.asyncDispose]();
    },
  };
  return fixture;
}

const submit = (it: Fixture, name: string, lock = name): Promise<string> =>
  it.runner.submit({ type: "flush", parameters: { name, lock } });

test("ST-08 at most as many jobs run at once as the bound says, and all of them run", async () => {
  await using it = openRunner({ maxConcurrent: 2, onRun: () => Bun.sleep(2).then(() => DONE) });
  await Promise.all(Array.from({ length: 7 }, (_, index) => submit(it, `job ${index}`)));
  await it.runner.idle();
  expect(it.begun).toHaveLength(7);
  expect(it.peak).toBe(2);
});

test("ST-08 two jobs that share a lock run one after the other; another passes them", async () => {
  await using it = openRunner({ maxConcurrent: 3 });
  await submit(it, "a", "table");
  await submit(it, "b", "table");
  await submit(it, "c", "other");
  await until(() => it.begun.length === 2);
  expect(it.begun).toEqual(["a", "c"]);
  it.end("a");
  await until(() => it.begun.length === 3);
  expect(it.begun).toEqual(["a", "c", "b"]);
});

test("ST-08 a failure that may pass is tried again after a delay that doubles, and the row says why it waits", async () => {
  await using it = openRunner({ onRun: () => Promise.reject(new DbError("STORAGE_ERROR", "the disk hiccups")) });
  const id = await submit(it, "a");
  const row = () => it.test.current.catalog.job(id);
  await it.runner.idle();
  expect(row()).toMatchObject({ status: "pending", retries: 1 });
  expect(row()?.message).toBe("Attempt 1 failed, the next begins in 375 ms: the disk hiccups");
  const attempts: number[] = [];
  for (let step = 1; step <= 20; step += 1) {
    it.test.clock.monotonic = step * 125;
    const before = it.begun.length;
    await it.runner.wake();
    if (it.begun.length > before) attempts.push(it.test.clock.monotonic);
  }
  expect(attempts).toEqual([375, 1125]);
  expect(row()).toMatchObject({ status: "failed", retries: 2, message: "the disk hiccups" });
});

test("ST-08 what made an attempt fail is in the log, and not only how much failed", async () => {
  const failure = new JobFailure("Flush failed for 1 scope(s)", { trace: "user 'ann': EIO\nstack", isRetryable: true });
  await using it = openRunner({ onRun: () => Promise.reject(failure) });
  const job = await submit(it, "a");
  await it.runner.idle();
  expect(it.log.map((line) => JSON.parse(line))).toMatchObject([
    { level: "warn", message: "attempt of a job failed", job, error: failure.message, cause: "user 'ann': EIO" },
  ]);
});

test("ST-08 a failure that is a fault of ours is not tried again", async () => {
  await using it = openRunner({ onRun: () => Promise.reject(new Error("a bug")) });
  const id = await submit(it, "a");
  await it.runner.idle();
  expect(it.test.current.catalog.job(id)).toMatchObject({ status: "failed", retries: 0, message: "Error: a bug" });
  expect(it.test.current.catalog.job(id)?.trace).toContain("runner.test.ts");
});

test("ST-08 KILL JOB ends a job that waits for its next attempt", async () => {
  await using it = openRunner({ onRun: () => Promise.reject(new DbError("STORAGE_ERROR", "no")) });
  const id = await submit(it, "a");
  await it.runner.idle();
  expect(["cancelled", "ending"]).toContain(await it.runner.kill(id));
  await it.runner.idle();
  expect(it.test.current.catalog.job(id)?.status).toBe("cancelled");
  expect(it.begun).toEqual(["a"]);
});

test("ST-08 a job that does not obey KILL JOB within a second is said to be ending, not ended", async () => {
  await using it = openRunner();
  const id = await submit(it, "a");
  await until(() => it.running.size === 1);
  expect(await it.runner.kill(id)).toBe("ending");
  expect(it.test.current.catalog.job(id)?.status).toBe("running");
});

test("ST-08 the row follows progress, and holds the sum of the CPU time and the peak of the memory", async () => {
  await using it = openRunner({
    onRun: async (context) => {
      it.test.clock.monotonic += 5_000;
      context.progress(1, 4);
      context.used({ memoryBytes: 500, cpuUs: 10 });
      context.used({ memoryBytes: 200, cpuUs: 5 });
      await until(() => it.test.current.catalog.job(id)?.progress === 0.25);
      return DONE;
    },
  });
  const id = await submit(it, "a");
  await it.runner.idle();
  expect(it.test.current.catalog.job(id)).toMatchObject({ progress: 1, memoryUsed: 500, cpuUsed: 15 });
});

test("ST-08 a kind that does not go on after a restart is failed at the next start, and its waiting jobs run", async () => {
  await using it = openRunner({ afterRestart: "fail", onRun: () => Promise.resolve(DONE) });
  const { writer, catalog } = it.test.current;
  const id = await submit(it, "a");
  await it.runner.idle();
  const row = catalog.job(id);
  if (row === undefined) throw new Error("the job has a row");
  await writer.submit((tx) => {
    tx.putJob({ ...row, status: "running" });
    tx.putJob({ ...row, id: "FL-000000000001", status: "pending" });
  });
  await it.runner.recover();
  await it.runner.idle();
  expect(catalog.job(id)).toMatchObject({ status: "failed", message: "Server restarted" });
  expect(catalog.job("FL-000000000001")?.status).toBe("completed");
});

test("ST-08 delays of retries double to a minute, and chance has half of each", () => {
  const delays = [0, 1, 2, 7, 50].map((retries) => [retryDelayMs(retries, 0), retryDelayMs(retries, 1)]);
  expect(delays).toEqual([
    [250, 500],
    [500, 1000],
    [1000, 2000],
    [30_000, 60_000],
    [30_000, 60_000],
  ]);
});
