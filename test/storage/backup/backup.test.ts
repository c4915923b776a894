// OP-03 over a real store with flushed and buffered rows: what a backup holds, what a restore believes, and what a process that dies leaves.
import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../../src/base/log.ts";
import { backupFolder, discardFolder, isIncomplete } from "../../../src/storage/backup/backup-folder.ts";
import { decodeManifest, encodeManifest } from "../../../src/storage/backup/backup-manifest.ts";
import { makeBackup } from "../../../src/storage/backup/make-backup.ts";
import { folderSource, restoreBackup, verifyBackup } from "../../../src/storage/backup/restore-backup.ts";
import { createFlusher } from "../../../src/storage/cold/flush.ts";
import { openStore, type Store } from "../../../src/storage/store.ts";
import { jobRecord } from "../job-record.ts";
import { ALICE, BOB, createTable, failureOf, openTestStore, testClock, write } from "../open-test-store.ts";

const noProgress = (): void => undefined;

interface Fixture extends AsyncDisposable {
  readonly store: Store;
  readonly dataDir: string;
  /** A folder that is not there yet. */
  path(name: string): string;
  backUp(target: string): Promise<unknown>;
}

/** Two users' rows, two of them flushed, one buffered; a job that runs. */
async function openFixture(): Promise<Fixture> {
  const testStore = openTestStore();
  const store = testStore.current;
  const root = mkdtempSync(join(tmpdir(), "kalamdb-backup-"));
  const table = await createTable(store, "t");
  const put = (scope: typeof ALICE, id: bigint) =>
    store.writer.submit((tx) => void write(tx, { table, scope, cells: [id, `row ${id}`] }));
  await put(ALICE, 1n);
  await put(BOB, 2n);
  const { dataDir, clock } = testStore;
  const storageDir = join(dataDir, "storage");
  const flusher = createFlusher({ databasePath: store.path, storageDir, writer: store.writer, clock });
  for (const scope of [ALICE, BOB]) await flusher.flushScope({ schema: table, scope, upTo: store.writer.position });
  await put(ALICE, 3n);
  await store.writer.submit((tx) => tx.putJob(jobRecord("FL-000000000001", { status: "running" })));
  writeFileSync(join(dataDir, "secrets.json"), "{}", { mode: 0o600 });
  return {
    store,
    dataDir,
    path: (name) => join(root, name),
    backUp: (target) => makeBackup({ owner: "test", dataDir, databasePath: store.path, target, nowMs: 1 }, noProgress),
    async [Symbol.asyncDispose]() {
      flusher.close();
      await testStore[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function open(dataDir: string): Store {
  return openStore({ dataDir, durability: "normal", clock: testClock(), log: silentLog });
}

test("OP-03 a restored database has the rows, files, definitions and positions of the backup, and a history of its own", async () => {
  await using it = await openFixture();
  await it.backUp(it.path("backup"));
  const restored = await restoreBackup(
    { from: folderSource(it.path("backup")), dataDir: it.path("data"), nowMs: 5 },
    noProgress,
  );
  const store = open(it.path("data"));
  const [table] = store.catalog.tables();
  expect(store.catalog.tables()).toEqual(it.store.catalog.tables());
  expect(store.catalog.allSegments()).toEqual(it.store.catalog.allSegments());
  expect(store.writer.position).toBe(it.store.writer.position);
  expect(table && store.reader.get(table, ALICE, 3n)?.cells).toEqual([3n, "row 3"]);
  for (const { path } of store.catalog.allSegments()) {
    expect(readFileSync(join(it.path("data"), "storage", path))).toEqual(
      readFileSync(join(it.dataDir, "storage", path)),
    );
  }
  expect(readFileSync(join(it.path("data"), "secrets.json"), "utf8")).toBe("{}");
  expect(store.epoch).toBe(restored.epoch);
  expect(store.epoch).not.toBe(it.store.epoch);
  expect(restored.manifest).toMatchObject({ epoch: it.store.epoch, position: String(it.store.writer.position) });
  // It ran at the time of the backup; here it does not.
  expect(store.catalog.job("FL-000000000001")).toMatchObject({ status: "cancelled", finishedAtMs: 5 });
  await store.close();
});

test("OP-03 no file of a backup can be read by others, though the folder was there and can", async () => {
  await using fixture = await openFixture();
  const target = fixture.path("shared");
  mkdirSync(target, { mode: 0o755 });
  await fixture.backUp(target);
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(3);
  for (const { parentPath, name } of files)
    expect([name, statSync(join(parentPath, name)).mode & 0o077]).toEqual([name, 0]);
});

test("OP-03 writes go on while a backup is made and are not in it, whole transactions at a time", async () => {
  await using it = await openFixture();
  const [table] = it.store.catalog.tables();
  if (table === undefined) throw new Error("the fixture has a table");
  let isDone = false;
  let written = 100n;
  const writing = (async () => {
    while (!isDone) {
      const id = (written += 2n);
      await it.store.writer.submit((tx) => {
        for (const one of [id, id + 1n]) write(tx, { table, scope: ALICE, cells: [one, "x"] });
      });
    }
  })();
  await it.backUp(it.path("backup"));
  isDone = true;
  await writing;
  await restoreBackup({ from: folderSource(it.path("backup")), dataDir: it.path("data"), nowMs: 1 }, noProgress);
  const store = open(it.path("data"));
  const ids: bigint[] = [];
  for (let id = 102n; id <= written + 1n; id += 1n) {
    const version = store.reader.get(table, ALICE, id);
    if (version !== undefined) ids.push(id);
    expect(version === undefined || version.seq <= store.writer.position).toBe(true);
  }
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, index) => 102n + BigInt(index)));
  expect(ids.length % 2).toBe(0);
  await store.close();
});

test("OP-03 a folder with anything in it is neither the target of a backup nor of a restore, and stays as it is", async () => {
  await using it = await openFixture();
  mkdirSync(it.path("full"));
  writeFileSync(join(it.path("full"), "mine"), "precious");
  expect(await failureOf(it.backUp(it.path("full")))).toMatchObject({ code: "ALREADY_EXISTS" });
  discardFolder(it.path("full"), "test");
  await it.backUp(it.path("backup"));
  const restore = restoreBackup(
    { from: folderSource(it.path("backup")), dataDir: it.path("full"), nowMs: 1 },
    noProgress,
  );
  expect(await failureOf(restore)).toMatchObject({ code: "ALREADY_EXISTS" });
  expect(readdirSync(it.path("full"))).toEqual(["mine"]);
});

test("OP-03 a byte changed in any file of a backup is found, by a check and by a restore, whose folder no server opens", async () => {
  await using it = await openFixture();
  await it.backUp(it.path("backup"));
  const { files } = await verifyBackup(folderSource(it.path("backup")), noProgress);
  expect(files).toHaveLength(4);
  for (const [index, { key }] of files.entries()) {
    const path = join(it.path("backup"), key);
    const bytes = readFileSync(path);
    const damaged = Buffer.from(bytes);
    damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    expect(await failureOf(verifyBackup(folderSource(it.path("backup")), noProgress))).toMatchObject({
      code: "STORAGE_ERROR",
    });
    const dataDir = it.path(`data ${index}`);
    const restore = restoreBackup({ from: folderSource(it.path("backup")), dataDir, nowMs: 1 }, noProgress);
    expect(await failureOf(restore)).toMatchObject({ code: "STORAGE_ERROR", message: expect.stringContaining(key) });
    expect(() => open(dataDir)).toThrow("was not finished");
    writeFileSync(path, bytes);
    // Another attempt clears away what the first left.
    await restoreBackup({ from: folderSource(it.path("backup")), dataDir, nowMs: 1 }, noProgress);
    await open(dataDir).close();
  }
});

test("OP-03 a backup without its manifest, with a changed one, or with one of another format is refused", async () => {
  await using it = await openFixture();
  await it.backUp(it.path("backup"));
  const path = join(it.path("backup"), "backup.json");
  const text = readFileSync(path, "utf8");
  const manifest = decodeManifest(text);
  const [first] = manifest.files;
  const manifests = [
    text.replace(/"bytes": (\d)/, '"bytes": 9$1'),
    text.slice(0, -10),
    "null",
    encodeManifest({ ...manifest, format: 3 }),
    ...["../outside", "/etc/passwd", "other/file", "kalamdb.sqlite-wal"].map((key) =>
      encodeManifest({ ...manifest, files: [{ key, bytes: 1, sha256: first?.sha256 ?? "" }] }),
    ),
  ];
  for (const changed of manifests) {
    writeFileSync(path, changed);
    const restore = restoreBackup(
      { from: folderSource(it.path("backup")), dataDir: it.path("data"), nowMs: 1 },
      noProgress,
    );
    expect(await failureOf(restore)).toMatchObject({ code: "INVALID_INPUT" });
    expect(existsSync(it.path("data"))).toBe(false);
  }
  rmSync(path);
  const restore = restoreBackup(
    { from: folderSource(it.path("backup")), dataDir: it.path("data"), nowMs: 1 },
    noProgress,
  );
  expect(await failureOf(restore)).toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringContaining("no backup"),
  });
});

test("OP-03 a segment that is missing or of another size fails the backup, whose folder is then no backup", async () => {
  await using it = await openFixture();
  const [segment] = it.store.catalog.allSegments();
  const path = join(it.dataDir, "storage", segment?.path ?? "");
  writeFileSync(path, "short");
  expect(await failureOf(it.backUp(it.path("backup")))).toMatchObject({ code: "STORAGE_ERROR" });
  rmSync(path);
  expect(await failureOf(it.backUp(it.path("other")))).toMatchObject({ code: "STORAGE_ERROR" });
  expect(existsSync(join(it.path("backup"), "backup.json"))).toBe(false);
  // Only whose mark it carries may clear it away.
  discardFolder(it.path("backup"), "somebody else");
  expect(isIncomplete(it.path("backup"))).toBe(true);
  discardFolder(it.path("backup"), "test");
  expect(existsSync(it.path("backup"))).toBe(false);
});

test("OP-03 a segment with a byte that was changed, wherever it is, fails the backup, which does not vouch for it", async () => {
  await using it = await openFixture();
  const [segment] = it.store.catalog.allSegments();
  const path = join(it.dataDir, "storage", segment?.path ?? "");
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 40)) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect(await failureOf(it.backUp(it.path(`backup ${at}`)))).toMatchObject({
      code: "STORAGE_ERROR",
      message: expect.stringContaining(`${segment?.path} cannot be read: `),
    });
    expect(existsSync(join(it.path(`backup ${at}`), "backup.json"))).toBe(false);
  }
  writeFileSync(path, bytes);
  expect(await it.backUp(it.path("whole"))).toMatchObject({ files: expect.any(Number) });
});

async function runChild(args: readonly string[]): Promise<number | string | null> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "backing-up-child.ts"), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await child.exited;
  return child.signalCode;
}

test("OP-03 a kill -9 at any step of a backup leaves nothing that looks like one", async () => {
  await using it = await openFixture();
  let killed = 0;
  for (let step = 0; ; step += 1) {
    const target = it.path(`backup ${step}`);
    if ((await runChild(["backup", it.dataDir, target, String(step)])) === null) {
      await verifyBackup(folderSource(target), noProgress);
      break;
    }
    killed += 1;
    const restore = restoreBackup({ from: folderSource(target), dataDir: it.path("data"), nowMs: 1 }, noProgress);
    expect(await failureOf(restore)).toMatchObject({ code: "INVALID_INPUT" });
    discardFolder(target, "test");
    expect(existsSync(target)).toBe(false);
  }
  expect(killed).toBe(2);
});

test("OP-03 a kill -9 at any step of a restore leaves a folder that no server opens and the next restore takes", async () => {
  await using it = await openFixture();
  await it.backUp(it.path("backup"));
  let killed = 0;
  for (let step = 0; ; step += 1) {
    const dataDir = it.path(`data ${step}`);
    if ((await runChild(["restore", dataDir, it.path("backup"), String(step)])) === null) break;
    killed += 1;
    expect(() => open(dataDir)).toThrow("was not finished");
    await restoreBackup({ from: folderSource(it.path("backup")), dataDir, nowMs: 1 }, noProgress);
    const store = open(dataDir);
    expect(store.writer.position).toBe(it.store.writer.position);
    await store.close();
  }
  expect(killed).toBe(4);
});

test.each([
  ["a name", "monday", "/data/backups/monday"],
  ["a name in a folder", "2026/monday", "/data/backups/2026/monday"],
  ["an absolute path", "/elsewhere/monday", "/elsewhere/monday"],
])("OP-03 the target of a backup may be %s", (_why, text, path) => {
  expect(backupFolder("/data", text)).toBe(path);
});

test.each([
  ["a way up", "../monday"],
  ["a way up in between", "/elsewhere/../etc/monday"],
  ["a folder of the system", "/etc/monday"],
  ["the root", "/"],
  ["the data folder", "/data"],
  ["where segments lie", "/data/storage/x"],
  ["all backups", "/data/backups"],
  ["NUL", "mon\0day"],
  ["nothing", " "],
  ["a very long name", "x".repeat(2_000)],
])("OP-03 the target of a backup may not be %s", (_why, text) => {
  expect(() => backupFolder("/data", text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test("OP-03 a link does not lead a backup into a folder of the system", async () => {
  await using it = await openFixture();
  mkdirSync(it.path("links"), { recursive: true });
  symlinkSync("/etc", join(it.path("links"), "fine"));
  expect(() => backupFolder("/data", join(it.path("links"), "fine", "monday"))).toThrow("operating system");
});
