import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { Checkpointer } from "../../src/storage/hot/checkpoint.ts";
import { CheckpointThread, type LogThread } from "../../src/storage/hot/checkpoint-thread.ts";
import { noFailpoint } from "../../src/storage/hot/failpoint.ts";
import { openStore } from "../../src/storage/store.ts";
import { ALICE, createTable, failureOf, openTestStore, temporaryFolder, testClock, write } from "./open-test-store.ts";

const options = (dataDir: string) => ({ dataDir, durability: "full" as const, clock: testClock(), log: silentLog });
const permissions = (path: string): number => statSync(path).mode & 0o777;

describe("the data folder", () => {
  test("a new folder and everything in it is readable by its owner alone", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "deep", "data");
    const store = openStore(options(dataDir));
    await createTable(store, "messages");
    expect(permissions(dataDir)).toBe(0o700);
    const files = readdirSync(dataDir);
    expect(files).toContain("kalamdb.sqlite-wal");
    expect(files.filter((name) => permissions(join(dataDir, name)) !== 0o600)).toEqual([]);
    await store.close();
  });

  test("a folder that was there keeps its mode", async () => {
    using folder = temporaryFolder();
    const dataDir = join(folder.path, "data");
    mkdirSync(dataDir, { mode: 0o750 });
    await openStore(options(dataDir)).close();
    expect(permissions(dataDir)).toBe(0o750);
  });

  test("a folder that is open is refused to another store, with the owner's process id, and free after close", async () => {
    await using store = openTestStore();
    expect(() => openStore(options(store.dataDir))).toThrow(
      expect.objectContaining({
        code: "STORAGE_ERROR",
        message: `The data folder ${store.dataDir} is in use by another process (process ${process.pid})`,
      }),
    );
    await createTable(store.current, "still_working");
    await store.current.close();
    await openStore(options(store.dataDir)).close();
  });

  test("a folder that is open is refused to another process", async () => {
    await using store = openTestStore();
    const source = `
      import { openStore } from ${JSON.stringify(join(import.meta.dir, "../../src/storage/store.ts"))};
      import { silentLog } from ${JSON.stringify(join(import.meta.dir, "../../src/base/log.ts"))};
      import { systemClock } from ${JSON.stringify(join(import.meta.dir, "../../src/base/clock.ts"))};
      try {
        openStore({ dataDir: ${JSON.stringify(store.dataDir)}, durability: "full", clock: systemClock, log: silentLog });
        process.stdout.write("opened");
      } catch (error) {
        process.stdout.write(error.code);
      }`;
    const child = Bun.spawnSync([process.execPath, "-e", source]);
    expect(child.stdout.toString()).toBe("STORAGE_ERROR");
  });

  test("the epoch stays over restarts and differs between folders", async () => {
    await using one = openTestStore();
    await using two = openTestStore();
    const { epoch } = one.current;
    expect((await one.reopen()).epoch).toBe(epoch);
    expect(two.current.epoch).not.toBe(epoch);
  });

  test("a file of a later format is refused and left as it is", async () => {
    await using store = openTestStore();
    const { path } = store.current;
    await store.current.close();
    using db = new Database(path);
    db.run("UPDATE meta SET value = 2 WHERE key = 'format_version'");
    expect(await failureOf(store.reopen())).toEqual(
      expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("has format 2") }),
    );
    expect(db.query("SELECT value FROM meta WHERE key = 'format_version'").values()).toEqual([[2]]);
  });

  test("a file that is not a database is refused by name and left as it is", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "kalamdb.sqlite");
    const text = "not a database ".repeat(100);
    writeFileSync(path, text);
    expect(() => openStore(options(folder.path))).toThrow(
      expect.objectContaining({ code: "STORAGE_ERROR", message: expect.stringContaining(path) }),
    );
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("ST-10 close folds the log into the file, which is then all there is to copy", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "x"] }));
    await store.current.close();
    await store.current.close();
    expect(readdirSync(store.dataDir).filter((name) => /-(wal|shm|journal)$/.test(name))).toEqual([]);
  });
});

describe("checkpoint", () => {
  function opened(path: string): { db: Database; checkpointer: Checkpointer } {
    const db = new Database(path);
    db.run("PRAGMA journal_mode = WAL");
    db.run("CREATE TABLE t (a TEXT)");
    return {
      db,
      checkpointer: new Checkpointer({
        db,
        path,
        log: silentLog,
        failpoint: noFailpoint,
        thread: new CheckpointThread(),
      }),
    };
  }

  test("the log is given back only after a tick without commits", async () => {
    using folder = temporaryFolder();
    const { db, checkpointer } = opened(join(folder.path, "a.sqlite"));
    checkpointer.schedule();
    expect(checkpointer.tick()).toBe(true);
    expect(checkpointer.logBytes()).toBeGreaterThan(0);
    expect(checkpointer.tick()).toBe(false);
    expect(checkpointer.logBytes()).toBe(0);
    await checkpointer.stop();
    db.close(true);
  });

  test("a reader that still needs the log is not waited for; the next tick tries again", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.sqlite");
    const { db, checkpointer } = opened(path);
    const reader = new Database(path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT a FROM t").all();
    db.run("INSERT INTO t VALUES ('x')");
    expect(checkpointer.tick()).toBe(true);
    reader.run("COMMIT");
    expect(checkpointer.tick()).toBe(false);
    reader.close(true);
    db.close(true);
  });

  test("a look at the log that fails is told of in the log, and not to whoever committed", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.sqlite");
    const db = new Database(path);
    const warned: string[] = [];
    const log = { ...silentLog, warn: (message: string) => warned.push(message) };
    const thread = new CheckpointThread();
    const checkpointer = new Checkpointer({ db, path, log, failpoint: noFailpoint, thread });
    db.close(true);
    for (let commits = 0; commits < 100; commits += 1) checkpointer.schedule();
    expect(warned).toEqual(["checkpoint failed"]);
  });

  async function commit(db: Database, checkpointer: Checkpointer): Promise<void> {
    db.run("INSERT INTO t VALUES (hex(randomblob(20000)))");
    checkpointer.schedule();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Commits until the log has begun anew, from its first page; false when it never does. */
  async function beginsAnew(db: Database, checkpointer: Checkpointer): Promise<boolean> {
    let pages = 0;
    for (let commits = 0; commits < 20_000; commits += 1) {
      await commit(db, checkpointer);
      // A thread needs time to start, which a loop that does nothing but commit would not leave it on a busy machine.
      if (pages > 20_000) await Bun.sleep(2);
      const [[, total] = []] = db.query("PRAGMA wal_checkpoint(NOOP)").values();
      if (Number(total) < pages) return true;
      pages = Number(total);
      if (pages > 60_000) return false;
    }
    return false;
  }

  test("a log that is written to without a pause is folded by a thread and begins anew", async () => {
    using folder = temporaryFolder();
    const { db, checkpointer } = opened(join(folder.path, "a.sqlite"));
    db.run("PRAGMA wal_autocheckpoint = 0");
    db.run("PRAGMA synchronous = OFF");
    expect(await beginsAnew(db, checkpointer)).toBe(true);
    await checkpointer.stop();
    db.close(true);
    expect(readdirSync(folder.path)).toEqual(["a.sqlite"]);
  });

  test("what can wait is told that the log is long, until the thread has folded it", async () => {
    using folder = temporaryFolder();
    const { db, checkpointer } = opened(join(folder.path, "a.sqlite"));
    db.run("PRAGMA wal_autocheckpoint = 0");
    db.run("PRAGMA synchronous = OFF");
    expect(checkpointer.isBehind()).toBe(false);
    db.run("INSERT INTO t SELECT hex(randomblob(500000)) FROM json_each('[1,2,3,4,5,6,7,8,9,10]')");
    expect(checkpointer.isBehind()).toBe(false);
    for (let times = 0; times < 4; times += 1) db.run("INSERT INTO t SELECT hex(randomblob(500000)) FROM t LIMIT 10");
    expect(checkpointer.isBehind()).toBe(true);
    while (checkpointer.isBehind()) await Bun.sleep(5);
    // An idle tick leaves what is more than a moment's work to the thread.
    while (checkpointer.tick()) await Bun.sleep(5);
    expect(checkpointer.logBytes()).toBe(0);
    await checkpointer.stop();
    db.close(true);
  });

  test("a thread that cannot be started is at no work, and nobody waits for its end", async () => {
    const thread = new CheckpointThread(() => {
      throw new Error("no thread");
    });
    expect(await thread.run("fold", "a.sqlite")).toEqual({ failure: "Error: no thread" });
    expect(thread.isWorking).toBe(false);
    await thread.close();
  });

  test("a thread that dies is told of in the log, and another one is started later", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.sqlite");
    let started = 0;
    const spawn = (): LogThread => {
      started += 1;
      const entry = started === 1 ? "dying-checkpoint-worker.ts" : "../../src/storage/hot/checkpoint-worker.ts";
      return new Worker(new URL(entry, import.meta.url));
    };
    const warned: string[] = [];
    const log = { ...silentLog, warn: (message: string) => warned.push(message) };
    const db = new Database(path);
    for (const text of ["journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = OFF"]) db.run(`PRAGMA ${text}`);
    db.run("CREATE TABLE t (a TEXT)");
    const thread = new CheckpointThread(spawn);
    const checkpointer = new Checkpointer({ db, path, log, failpoint: noFailpoint, thread });
    while (started < 2) await commit(db, checkpointer);
    expect(await beginsAnew(db, checkpointer)).toBe(true);
    expect([started, warned]).toEqual([2, ["the log was not given room"]]);
    await checkpointer.stop();
    db.close(true);
  });
});
