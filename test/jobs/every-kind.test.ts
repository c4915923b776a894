// What holds for every kind of job: KILL JOB stops it within a second, a stop of the server waits for it or interrupts it, what it left can be done again, and its row
// tells what it used. A kind that is not in the table below does not compile.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { createJobs, type JobDeps, type Jobs } from "../../src/jobs/jobs.ts";
import { isFinished, type JobRecord, type JobType } from "../../src/model/job.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import { jobRecord } from "../storage/job-record.ts";
import { ALICE, createTable, definition, openTestStore, type TestStore, write } from "../storage/open-test-store.ts";
import { userRecord } from "../storage/user-record.ts";
import { NO_OTHER_JOBS, noFiles } from "../support/no-other-jobs.ts";
import { testCompaction } from "../support/test-compaction.ts";

const DAY_MS = 86_400_000;
const ALICE_ID = parseUserId("alice");

/** Where the work of a job stands still while it is held. */
class Gate {
  readonly #entered = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #letGo = Promise.withResolvers<void>();

  constructor() {
    this.#opened.promise.catch(() => undefined);
  }

  get entered(): Promise<void> {
    return this.#entered.promise;
  }

  async pass(signal?: AbortSignal): Promise<void> {
    this.#entered.resolve();
    const { promise, reject } = Promise.withResolvers<never>();
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    await Promise.race([this.#opened.promise, promise]);
    signal?.throwIfAborted();
  }

  /** For work that looks at its signal between two of these. */
  async passBetween(): Promise<void> {
    this.#entered.resolve();
    await Promise.race([this.#opened.promise, this.#letGo.promise]);
  }

  /** Whoever stands between looks at its signal. */
  letGo(): void {
    this.#letGo.resolve();
  }

  open(): void {
    this.#opened.resolve();
  }
}

interface Fixture extends AsyncDisposable {
  readonly testStore: TestStore;
  readonly gate: Gate;
  readonly table: TableSchema;
  readonly jobs: Jobs;
  job(): JobRecord;
}

/** Every kind has work to do, and stops at the gate in the middle of it. */
async function open(type: JobType): Promise<Fixture> {
  const testStore = openTestStore();
  const { current: store, clock, dataDir } = testStore;
  const { catalog, writer, streams } = store;
  const gate = new Gate();
  const table = await createTable(store, "notes");
  await prepare(testStore);
  const storageDir = join(dataDir, "storage");
  const flusher = createFlusher({ databasePath: store.path, storageDir, writer, clock });
  for (let id = 1n; id <= 2n; id += 1n) {
    await writer.submit((tx) => void write(tx, { table, scope: ALICE, cells: [id, "x"] }));
    await flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position });
  }
  await writer.submit((tx) => void write(tx, { table, scope: ALICE, cells: [3n, "x"] }));
  const { compaction } = testCompaction({ store, storageDir, flusher, clock });
  const logs = ["kalamdb-1.log", "kalamdb-2.log"];
  const deps: JobDeps = {
    ...NO_OTHER_JOBS,
    clock,
    log: silentLog,
    catalog,
    writer,
    maxQueued: 10,
    maxConcurrent: 2,
    retentionMs: 30 * DAY_MS,
    async flushScope(request) {
      await gate.pass(request.signal);
      return flusher.flushScope(request);
    },
    compaction: {
      isDue: () => false,
      async compactScope(schema, scope, options) {
        await gate.pass(options.signal);
        return compaction.compactScope(schema, scope, options);
      },
    },
    backup: {
      targetOf: (text) => text,
      async makeBackup(_target, context) {
        await gate.pass(context.signal);
        context.used({ memoryBytes: 1, cpuUs: 1 });
        return { files: 1, bytes: 1, position: "1" };
      },
      discardBackup: () => Promise.resolve(),
    },
    exports: {
      pathOf: (_user, id) => Promise.resolve(join(dataDir, `${id}.zip`)),
      async readPage(_user, { signal }) {
        await gate.pass(signal);
        return { columns: [], rows: "", rowCount: 0, through: "0" };
      },
      files: noFiles,
      remove: () => undefined,
    },
    cleanup: {
      graceMs: type === "user_cleanup" ? 0 : Number.MAX_SAFE_INTEGER,
      removeFiles: () => undefined,
      removeExports: () => undefined,
      trimmed: () => gate.pass(),
    },
    streams: {
      hasForgettable: () => streams.hasForgettable(),
      async forget(step) {
        const forgotten = await streams.forget(step);
        // Between two commits, as everything in it.
        await gate.passBetween();
        return forgotten;
      },
    },
    logFiles: {
      outdated: () => Promise.resolve([...logs]),
      async remove() {
        logs.shift();
        await gate.passBetween();
        return 1;
      },
    },
  };
  // The commit of the first slice is what it stands at.
  if (type === "job_cleanup") {
    const submit: JobDeps["writer"]["submit"] = async (work) => {
      const done = await writer.submit(work);
      if (catalog.jobs().length < OLD_JOBS) await gate.passBetween();
      return done;
    };
    Object.assign(deps, { writer: Object.assign(Object.create(writer), { submit }) });
  }
  const jobs = createJobs(deps);
  return {
    testStore,
    gate,
    table,
    jobs,
    job() {
      const record = catalog.jobs().find((one) => one.type === type && !OLD_JOB.test(one.id));
      if (record === undefined) throw new Error(`no job of type ${type}`);
      return record;
    },
    async [Symbol.asyncDispose]() {
      gate.open();
      await jobs.stop();
      flusher.close();
      await testStore[Symbol.asyncDispose]();
    },
  };
}

const OLD_JOBS = 450;
const OLD_JOB = /^FL-0{9}\d{3}$/;

/** A dropped user, old jobs, and ends of rows that nobody needs any more. */
async function prepare({ current: { writer, streams }, clock }: TestStore): Promise<void> {
  const plain = definition("feed", "stream");
  const { value: feed } = await writer.submit((tx) => {
    for (let index = 0; index < OLD_JOBS; index += 1) {
      const id = `FL-${String(index).padStart(12, "0")}`;
      tx.putJob(jobRecord(id, { status: "completed", finishedAtMs: clock.wallMs }));
    }
    tx.putUser(userRecord("alice", { deletedAtMs: clock.wallMs }));
    return tx.createTable({ ...plain, options: { ...plain.options, ttlSeconds: 1 } });
  });
  await writer.submit((tx) => {
    for (let id = 0n; id < 1_200n; id += 1n) write(tx, { table: feed, scope: ALICE, cells: [id, "x"] });
  });
  clock.wallMs += 100 * DAY_MS;
  await streams.expire();
  clock.wallMs += 100 * DAY_MS;
}

const ASK: Readonly<Record<JobType, (it: Fixture) => Promise<unknown>>> = {
  flush: ({ jobs, table }) => jobs.flushTable(table),
  compact: ({ jobs, table }) => jobs.compactTable(table),
  backup: ({ jobs }) => jobs.backUp("monday"),
  user_export: ({ jobs }) => jobs.exportUser(ALICE_ID),
  user_cleanup: ({ jobs }) => jobs.checkUpkeep(),
  job_cleanup: ({ jobs }) => jobs.checkUpkeep(),
  log_cleanup: ({ jobs }) => jobs.checkUpkeep(),
  stream_eviction: ({ jobs }) => jobs.checkStreams(),
};
const TYPES = Object.keys(ASK).filter((type): type is JobType => type in ASK);
/** Nothing that could be measured: files are removed by the system. */
const UNMEASURED: readonly JobType[] = ["log_cleanup"];

async function begun(type: JobType): Promise<Fixture> {
  const it = await open(type);
  await ASK[type](it);
  await it.gate.entered;
  return it;
}

async function endOf(it: Fixture): Promise<JobRecord> {
  while (!isFinished(it.job())) await Bun.sleep(1);
  return it.job();
}

describe.each(TYPES)("ST-08 a job of kind %s", (type) => {
  test("is ended by KILL JOB while it has work to do, and what it left can be done again", async () => {
    await using it = await begun(type);
    const { id } = it.job();
    const killing = it.jobs.killJob(id);
    it.gate.letGo();
    // "ending": a busy machine may take a second.
    expect(["cancelled", "ending"]).toContain(await killing);
    await it.jobs.idle();
    expect(it.job()).toMatchObject({ status: "cancelled", message: expect.stringContaining("Cancelled by user") });
    it.gate.open();
    await it.testStore.current.writer.submit((tx) => tx.deleteJob(id));
    await ASK[type](it);
    expect(await endOf(it)).toMatchObject({ status: "completed" });
  });

  test("tells what it used, once it did something", async () => {
    await using it = await begun(type);
    it.gate.open();
    const { status, memoryUsed, cpuUsed } = await endOf(it);
    expect(status).toBe("completed");
    if (UNMEASURED.includes(type)) expect([memoryUsed, cpuUsed]).toEqual([undefined, undefined]);
    // The system's clock of CPU time moves in steps of a few milliseconds, which is more than these take.
    else expect([Number(memoryUsed) > 0, Number(cpuUsed) >= 0]).toEqual([true, true]);
  });

  test("ST-10 is waited for by a stop that has the time", async () => {
    await using it = await begun(type);
    const stopped = it.jobs.stop(60_000);
    it.gate.open();
    await stopped;
    expect(it.job()).toMatchObject({ status: "completed" });
  });

  test("ST-10 is interrupted by a stop that has not, and goes on at the next start if its kind does", async () => {
    await using it = await begun(type);
    const stopping = it.jobs.stop(0);
    // Later than the timer of a stop that has no time.
    await Bun.sleep(5);
    it.gate.letGo();
    await stopping;
    expect(it.job()).toMatchObject({
      status: type === "backup" ? "cancelled" : "pending",
      message: expect.stringContaining("Interrupted by a shutdown"),
    });
  });
});
