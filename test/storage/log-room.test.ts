// Room for the log: what it must not do is harm what commits write meanwhile, or a log that is read again after a crash.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { cpSync, statSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { Checkpointer } from "../../src/storage/hot/checkpoint.ts";
import { CheckpointThread } from "../../src/storage/hot/checkpoint-thread.ts";
import { noFailpoint } from "../../src/storage/hot/failpoint.ts";
import { LOG_ROOM_BYTES, makeLogRoom } from "../../src/storage/hot/log-room.ts";
import { temporaryFolder } from "./open-test-store.ts";

interface Opened extends AsyncDisposable {
  readonly db: Database;
  readonly path: string;
  readonly thread: CheckpointThread;
  readonly checkpointer: Checkpointer;
  /** One row, one commit. */
  insert(): void;
  readonly inserted: () => number;
}

function opened(folder: string): Opened {
  const path = join(folder, "a.sqlite");
  const db = new Database(path);
  for (const text of ["journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = OFF"]) db.run(`PRAGMA ${text}`);
  db.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
  const thread = new CheckpointThread();
  const checkpointer = new Checkpointer({ db, path, log: silentLog, failpoint: noFailpoint, thread });
  let rows = 0;
  return {
    db,
    path,
    thread,
    checkpointer,
    insert() {
      rows += 1;
      db.run("INSERT INTO t VALUES (?1, hex(randomblob(1000)))", [rows]);
      checkpointer.schedule();
    },
    inserted: () => rows,
    async [Symbol.asyncDispose]() {
      await checkpointer.stop();
      db.close(true);
    },
  };
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`).size;
}

/** What a process finds that opens the files as they are now, as after a crash. */
function rowsAfterCrash(path: string, folder: string): unknown {
  const copy = join(folder, "crashed.sqlite");
  for (const suffix of ["", "-wal"]) cpSync(`${path}${suffix}`, `${copy}${suffix}`);
  using db = new Database(copy);
  expect(db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  return db.query("SELECT count(*), max(a) FROM t").values()[0];
}

async function withRoom(log: Opened): Promise<void> {
  while (!log.thread.isWorking) log.insert();
  while (log.thread.isWorking) await Bun.sleep(2);
}

describe("the log of a writer that is busy", () => {
  test("is given room once, and commits, a restart of the log and an idle moment leave its file as long as that", async () => {
    using folder = temporaryFolder();
    await using log = opened(folder.path);
    await withRoom(log);
    const bytes = logBytes(log.path);
    expect(bytes).toBeGreaterThanOrEqual(LOG_ROOM_BYTES);
    for (let times = 0; times < 6_000; times += 1) {
      log.insert();
      // A thread that the machine gives no time to would let the log grow past its room.
      while (log.thread.isWorking) await Bun.sleep(1);
    }
    expect(logBytes(log.path)).toBe(bytes);
    expect(log.checkpointer.tick()).toBe(true);
    while (log.checkpointer.tick()) await Bun.sleep(5);
    const [[, total, folded] = []] = log.db.query("PRAGMA wal_checkpoint(NOOP)").values();
    expect(folded).toBe(total);
    expect(logBytes(log.path)).toBe(bytes);
    log.insert();
    expect(rowsAfterCrash(log.path, folder.path)).toEqual([log.inserted(), log.inserted()]);
    expect(log.checkpointer.truncate()).toBe(true);
    expect(logBytes(log.path)).toBe(0);
  });

  test("loses nothing that is committed while room is made, and what is read again after a crash is all of it", async () => {
    using folder = temporaryFolder();
    await using log = opened(folder.path);
    while (!log.thread.isWorking) log.insert();
    let seen = 0;
    for (; log.thread.isWorking; seen += 1) {
      log.insert();
      if (seen % 20 === 0) {
        await Bun.sleep(0);
        expect(rowsAfterCrash(log.path, folder.path)).toEqual([log.inserted(), log.inserted()]);
      }
    }
    expect(seen).toBeGreaterThan(0);
    expect(log.db.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  });

  test("room before the first commit is an empty log", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.sqlite");
    using db = new Database(path);
    db.run("PRAGMA journal_mode = WAL");
    db.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    makeLogRoom(path);
    expect(logBytes(path)).toBe(LOG_ROOM_BYTES);
    expect(rowsAfterCrash(path, folder.path)).toEqual([0, null]);
    db.run("INSERT INTO t VALUES (1, 'x')");
    expect(logBytes(path)).toBe(LOG_ROOM_BYTES);
    expect(rowsAfterCrash(path, folder.path)).toEqual([1, 1]);
  });

  test("a disk without space to spare gives none", () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "a.sqlite");
    using db = new Database(path);
    db.run("PRAGMA journal_mode = WAL");
    db.run("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    const bytes = logBytes(path);
    makeLogRoom(path, Number.POSITIVE_INFINITY);
    expect(logBytes(path)).toBe(bytes);
  });
});
