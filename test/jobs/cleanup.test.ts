// What goes by the calendar: dropped users with all that is theirs, and jobs that were kept long enough.
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseName, parseUserId, type Scope, SHARED_SCOPE } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { exportKind } from "../../src/jobs/export-kind.ts";
import { createJobs, type JobDeps } from "../../src/jobs/jobs.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";
import type { WriteTx } from "../../src/storage/seams.ts";
import type { Store } from "../../src/storage/store.ts";
import { jobRecord } from "../storage/job-record.ts";
import {
  ALICE,
  BOB,
  createTable,
  failureOf,
  openTestStore,
  type TestStore,
  write,
} from "../storage/open-test-store.ts";
import { userRecord } from "../storage/user-record.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";

const DAY_MS = 86_400_000;
const ALICE_ID = parseUserId("alice");

function openJobs(testStore: TestStore, overrides: Partial<JobDeps> = {}) {
  const { current: store, clock, dataDir } = testStore;
  const { catalog, writer } = store;
  const objects = openFilesystemStore(join(dataDir, "storage"));
  const flusher = createFlusher({ databasePath: store.path, storageDir: join(dataDir, "storage"), writer, clock });
  const removals: Promise<unknown>[] = [];
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock,
    log: silentLog,
    catalog,
    writer,
    maxQueued: 100,
    maxConcurrent: 1,
    flushScope: (request) => flusher.flushScope(request),
    cleanup: {
      graceMs: 30 * DAY_MS,
      removeFiles: (segments) => void removals.push(objects.remove(segments.map(({ path }) => path))),
      removeExports: () => undefined,
      trimmed: () => store.trimmed(),
    },
    retentionMs: 30 * DAY_MS,
    ...overrides,
  });
  const close = (): Promise<void> => (flusher.close(), jobs.stop());
  return { jobs, flusher, removed: () => Promise.all(removals), close };
}

async function put(store: Store, name: string, rows: readonly (readonly [Scope, number])[]): Promise<void> {
  const table = store.catalog.tables().find((one) => one.name === name);
  if (table === undefined) throw new Error(name);
  for (const [scope, id] of rows) {
    await store.writer.submit((tx) => void write(tx, { table, scope, cells: [BigInt(id), "x"] }));
  }
}

/** Flushed and buffered rows of two users, and rows of nobody. */
async function fill(store: Store, jobs: ReturnType<typeof createJobs>): Promise<void> {
  const table = await createTable(store, "notes");
  await createTable(store, "typing", "stream");
  await createTable(store, "all", "shared");
  await put(store, "notes", [
    [ALICE, 1],
    [BOB, 1],
  ]);
  await jobs.flushTable(table);
  await jobs.idle();
  await put(store, "notes", [
    [ALICE, 2],
    [BOB, 2],
  ]);
  await put(store, "typing", [
    [ALICE, 1],
    [BOB, 1],
  ]);
  await put(store, "all", [[SHARED_SCOPE, 1]]);
}

function table(store: Store, name: string) {
  const found = store.catalog.tables().find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

test("TB-10 ST-08 after the grace period a dropped user goes with rows, files, keys and account; nobody else loses anything", async () => {
  await using testStore = openTestStore();
  const { current: store, clock } = testStore;
  const it = openJobs(testStore);
  await fill(store, it.jobs);
  const files = store.catalog
    .segments(table(store, "notes").id, ALICE)
    .map(({ path }) => join(testStore.dataDir, "storage", path));
  expect(files.map((path) => existsSync(path))).toEqual([true]);
  const before = store.writer.position;
  await store.writer.submit((tx) => {
    tx.putUser(userRecord("alice", { deletedAtMs: clock.wallMs }));
    tx.putUser(userRecord("bob"));
  });
  clock.wallMs += 30 * DAY_MS - 1;
  await it.jobs.checkUpkeep();
  await it.jobs.idle();
  expect(store.catalog.user(ALICE_ID)).toBeDefined();
  clock.wallMs += 1;
  await it.jobs.checkUpkeep();
  await it.jobs.idle();
  const [job] = store.catalog.jobs();
  expect(job).toMatchObject({ type: "user_cleanup", status: "completed" });
  expect(job?.message).toBe("Removed user 'alice' with the rows of 2 table(s) (1 files)");
  expect(store.catalog.user(ALICE_ID)).toBeUndefined();
  const check = (current: Store): void => {
    const { id } = table(current, "notes");
    expect(current.catalog.segments(id, ALICE)).toEqual([]);
    expect(current.catalog.segments(id, BOB)).toHaveLength(1);
    expect(current.writer.bufferedScopes(id)).toEqual([BOB]);
    expect(current.writer.bufferedRows(table(current, "all").id)).toBe(1);
    expect(current.reader.all(`SELECT _user FROM hot_${id} ORDER BY _seq`, [])).toEqual([["bob"]]);
    // A cursor of before is answered with reset, also if the id is given to somebody else.
    expect(current.catalog.historyStartsAt(id, ALICE)).toBeGreaterThan(before);
    expect(current.catalog.historyStartsAt(id, BOB)).toBe(0n as typeof before);
  };
  check(store);
  expect(store.streams.versions(table(store, "typing"), ALICE)).toEqual([]);
  expect(store.streams.floor(table(store, "typing"))).toBeGreaterThan(before);
  await it.removed();
  expect(files.map((path) => existsSync(path))).toEqual([false]);
  await it.close();
  check(await testStore.reopen());
});

test("TB-10 a user brought back before its turn keeps everything", async () => {
  await using testStore = openTestStore();
  const { current: store, clock } = testStore;
  const it = openJobs(testStore);
  await fill(store, it.jobs);
  await store.writer.submit((tx) => tx.putUser(userRecord("alice", { deletedAtMs: clock.wallMs - 31 * DAY_MS })));
  const upkeep = it.jobs.checkUpkeep();
  await store.writer.submit((tx) => tx.putUser(userRecord("alice")));
  await upkeep;
  await it.jobs.idle();
  expect(store.catalog.jobs()[0]?.message).toBe("User 'alice' was brought back; nothing more removed");
  expect(store.writer.bufferedScopes(table(store, "notes").id)).toContain(ALICE);
  await it.close();
});

test("OP-03 TB-10 a user's end waits for the export of the user that is under way, and takes the export with it", async () => {
  await using testStore = openTestStore();
  const { current: store, clock, dataDir } = testStore;
  const steps: string[] = [];
  const reading = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const it = openJobs(testStore, {
    maxConcurrent: 4,
    exports: {
      ...NO_OTHER_JOBS.exports,
      pathOf: () => Promise.resolve(join(dataDir, "export.zip")),
      async readPage() {
        reading.resolve();
        await goOn.promise;
        steps.push("page");
        return { columns: [], rows: "", rowCount: 0, through: "0" };
      },
    },
    cleanup: {
      graceMs: 30 * DAY_MS,
      removeFiles: () => steps.push("rows removed"),
      removeExports: () => steps.push("exports removed"),
      trimmed: () => store.trimmed(),
    },
  });
  await fill(store, it.jobs);
  await store.writer.submit((tx) => tx.putUser(userRecord("alice")));
  await it.jobs.exportUser(ALICE_ID);
  await reading.promise;
  await store.writer.submit((tx) => tx.putUser(userRecord("alice", { deletedAtMs: clock.nowMs() })));
  clock.wallMs += 31 * DAY_MS;
  await it.jobs.checkUpkeep();
  const statuses = () => store.catalog.jobs().map(({ type, status }) => `${type} ${status}`);
  expect(statuses()).toContain("user_cleanup pending");
  expect(steps).toEqual([]);
  goOn.resolve();
  await it.jobs.idle();
  // Nor does whoever gets the id find that it was exported today.
  expect(statuses().filter((text) => text.startsWith("user_"))).toEqual(["user_cleanup completed"]);
  expect(steps.slice(0, 2)).toEqual(["page", "page"]);
  expect(steps.at(-1)).toBe("exports removed");
  // Of nobody nothing is exported.
  const { jobId } = await it.jobs.exportUser(ALICE_ID);
  await it.jobs.idle();
  expect(store.catalog.job(jobId)).toMatchObject({ status: "failed", message: "User 'alice' does not exist any more" });
  expect(existsSync(join(dataDir, "export.zip.part"))).toBe(false);
  await it.close();
});

function alter(tx: WriteTx, schema: TableSchema): void {
  const columns = schema.columns.map((column) =>
    column.name === "body" ? { ...column, name: parseName("text") } : column,
  );
  tx.alterTable(schema, { ...schema, columns });
}

test.each(["altered", "dropped"])(
  "OP-03 an export of a table that is %s between two of its pages begins anew",
  async (how) => {
    await using testStore = openTestStore();
    const { current: store, dataDir } = testStore;
    const it = openJobs(testStore);
    await fill(store, it.jobs);
    await store.writer.submit((tx) => tx.putUser(userRecord("alice")));
    const schema = table(store, "notes");
    const { catalog, writer } = store;
    let pages = 0;
    const kind = exportKind({
      catalog,
      writer,
      exports: {
        ...NO_OTHER_JOBS.exports,
        pathOf: () => Promise.resolve(join(dataDir, "export.zip")),
        async readPage() {
          pages += 1;
          if (pages === 2) await writer.submit((tx) => (how === "dropped" ? tx.dropTable(schema) : alter(tx, schema)));
          if (pages === 2 && how === "dropped") throw new Error("no such table");
          return { columns: [], rows: "[1]", rowCount: 1, through: String(pages) };
        },
      },
    });
    const context = { jobId: "UE-000000000001", signal: new AbortController().signal, progress() {}, used() {} };
    const failure = await failureOf(kind.open({ user: "alice" }).run(context));
    expect(failure).toMatchObject({ isRetryable: true, message: "Table chat.notes changed while it was exported" });
    expect(readdirSync(dataDir).filter((name) => name.startsWith("export.zip"))).toEqual([]);
    await it.close();
  },
);

test("ST-03 a file that was written while its user was removed is refused", async () => {
  await using testStore = openTestStore();
  const { current: store } = testStore;
  const it = openJobs(testStore);
  await fill(store, it.jobs);
  const schema = table(store, "notes");
  // The worker is done with the file, and its commit waits for the turn in which the user goes.
  const { writer } = store;
  const late = createFlusher({
    databasePath: store.path,
    storageDir: join(testStore.dataDir, "storage"),
    clock: testStore.clock,
    writer: {
      get position() {
        return writer.position;
      },
      submit: async (work) => {
        await writer.submit((tx) => void tx.purgeScope(schema, ALICE));
        return writer.submit(work);
      },
      submitInSlices: (work) => writer.submitInSlices(work),
      onCommit: (listener) => writer.onCommit(listener),
      bufferedRows: (id) => writer.bufferedRows(id),
      bufferedScopes: (id) => writer.bufferedScopes(id),
      close: () => writer.close(),
    },
  });
  const flush = late.flushScope({ schema, scope: ALICE, upTo: writer.position });
  expect(await failureOf(flush)).toMatchObject({ code: "WRITE_CONFLICT" });
  expect(store.catalog.segments(schema.id, ALICE)).toEqual([]);
  late.close();
  await it.close();
});

test("ST-08 jobs that ended longer ago than they are kept are forgotten, with the files they made; others stay", async () => {
  await using testStore = openTestStore();
  const { current: store, clock } = testStore;
  const removed: string[] = [];
  const exports = { ...NO_OTHER_JOBS.exports, remove: (_user: unknown, id: string) => void removed.push(id) };
  const it = openJobs(testStore, { exports });
  const old = clock.wallMs - 40 * DAY_MS;
  const exported = { type: "user_export", parameters: '{"user":"alice"}', finishedAtMs: old } as const;
  await store.writer.submit((tx) => {
    for (let index = 0; index < 300; index += 1) tx.putJob(jobRecord(`FL-old${index}`, { finishedAtMs: old }));
    tx.putJob(jobRecord("UE-00000000000a", exported));
    tx.putJob(jobRecord("FL-young", { finishedAtMs: clock.wallMs - DAY_MS }));
    tx.putJob(jobRecord("FL-waits", { status: "pending", updatedAtMs: 1 }));
  });
  await it.jobs.checkUpkeep();
  await it.jobs.idle();
  const left = store.catalog.jobs().map(({ id, type }) => (type === "job_cleanup" ? type : id));
  expect(left.toSorted()).toEqual(["FL-waits", "FL-young", "job_cleanup"]);
  expect(removed).toEqual(["UE-00000000000a"]);
  await it.jobs.checkUpkeep();
  await it.jobs.idle();
  expect(store.catalog.jobs()).toHaveLength(3);
  await it.close();
});
