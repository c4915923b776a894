// A disk that is full or fails: with SQLite's own page quota, with an injected error, and (where a file system can be mounted) for real.
import type { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TableSchema } from "../../src/model/schema.ts";
import { BALLAST_BYTES } from "../../src/storage/hot/ballast.ts";
import type { FailpointName } from "../../src/storage/hot/failpoint.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, createTable, failureOf, openTestStore, type TestStore, write } from "./open-test-store.ts";

const FULL = expect.objectContaining({ code: "STORAGE_FULL" });
const PAGE = "x".repeat(4_000);

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function insert(store: Store, table: TableSchema, id: bigint): Promise<unknown> {
  return store.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [id, PAGE] }));
}

function remove(store: Store, table: TableSchema, id: bigint): Promise<unknown> {
  return store.writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [id, null], deleted: true }));
}

/** A store whose named places fail with the given error code. */
function failingStore(): { store: TestStore; failures: Map<FailpointName, string> } {
  const failures = new Map<FailpointName, string>();
  const store = openTestStore({
    failpoint: (name) => {
      const code = failures.get(name);
      if (code !== undefined) throw systemError(code);
    },
  });
  return { store, failures };
}

describe("a failed commit", () => {
  test.each([
    ["the disk is full", "SQLITE_FULL", "STORAGE_FULL"],
    ["the disk fails", "SQLITE_IOERR_FSYNC", "STORAGE_ERROR"],
    ["the file became read-only", "SQLITE_READONLY", "STORAGE_ERROR"],
  ])(
    "ST-01 rejects every work of the turn, shows nothing of it, and the next turn works: %s",
    async (_why, sqlite, code) => {
      const { store, failures } = failingStore();
      await using _closed = store;
      const { writer, reader, catalog } = store.current;
      const table = await createTable(store.current, "messages");
      const { position } = writer;
      const events: unknown[] = [];
      writer.onCommit((event) => events.push(event));
      failures.set("commit", sqlite);
      const outcomes = await Promise.allSettled([
        insert(store.current, table, 1n),
        writer.submit((tx) => tx.dropTable(table)),
        writer.submit(() => {
          throw new Error("failed by itself");
        }),
      ]);
      for (const outcome of outcomes) {
        expect(outcome).toEqual({ status: "rejected", reason: expect.objectContaining({ code }) });
      }
      expect([events, writer.position, catalog.tables()]).toEqual([[], position, [table]]);
      expect([reader.get(table, ALICE, 1n), writer.bufferedRows(table.id)]).toEqual([undefined, 0]);
      failures.clear();
      store.clock.monotonic += 10_000;
      await insert(store.current, table, 1n);
      expect(reader.get(table, ALICE, 1n)?.cells[1]).toBe(PAGE);
    },
  );

  test("a transaction that cannot begin rejects that work and the next one is tried anew", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const table = await createTable(store.current, "messages");
    failures.set("begin", "SQLITE_IOERR_READ");
    expect(await failureOf(insert(store.current, table, 1n))).toEqual(
      expect.objectContaining({ code: "STORAGE_ERROR" }),
    );
    failures.clear();
    await insert(store.current, table, 1n);
  });

  test("when the disk fills inside one work, the others of its turn still commit", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const table = await createTable(store.current, "messages");
    const first = insert(store.current, table, 1n);
    failures.set("write", "SQLITE_FULL");
    const second = insert(store.current, table, 2n);
    failures.clear();
    await first;
    expect(await failureOf(second)).toEqual(FULL);
    expect(store.current.reader.get(table, ALICE, 2n)).toBeUndefined();
  });
});

describe("a log that could not be synced", () => {
  test("ST-01 is folded and begun anew before anything else is committed: behind a hole in it nothing would be found", async () => {
    const steps: FailpointName[] = [];
    let fails = false;
    await using store = openTestStore({
      failpoint: (name) => {
        steps.push(name);
        if (fails && name === "commit") throw systemError("SQLITE_IOERR_FSYNC");
      },
    });
    const log = join(store.dataDir, "kalamdb.sqlite-wal");
    const table = await createTable(store.current, "messages");
    for (let id = 1n; id <= 20n; id += 1n) await insert(store.current, table, id);
    const grown = statSync(log).size;
    fails = true;
    expect(await failureOf(insert(store.current, table, 21n))).toMatchObject({ code: "STORAGE_ERROR" });
    fails = false;
    steps.length = 0;
    await insert(store.current, table, 22n);
    expect(steps.slice(0, 3)).toEqual(["begin", "checkpoint", "write"]);
    expect(statSync(log).size).toBeLessThan(grown);
    steps.length = 0;
    await insert(store.current, table, 23n);
    expect(steps).not.toContain("checkpoint");
    expect(countRows(store.current, table)).toBe(22);
  });

  test("ST-01 is in doubt also when it was a checkpoint that could not sync", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const table = await createTable(store.current, "messages");
    failures.set("checkpoint", "SQLITE_IOERR_FSYNC");
    // Until the log was to be folded because nobody writes.
    for (let id = 1n; ; id += 1n) {
      const failure = await insert(store.current, table, id).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure !== undefined) {
        expect(failure).toMatchObject({ code: "STORAGE_ERROR" });
        break;
      }
      await Bun.sleep(2_500);
    }
    failures.clear();
    await insert(store.current, table, 100n);
  });

  test("ST-01 takes no write while it cannot be begun anew, and serves reads", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const table = await createTable(store.current, "messages");
    await insert(store.current, table, 1n);
    failures.set("commit", "SQLITE_IOERR_FSYNC");
    await failureOf(insert(store.current, table, 2n));
    failures.delete("commit");
    failures.set("checkpoint", "SQLITE_IOERR_WRITE");
    for (const id of [3n, 4n]) {
      expect(await failureOf(insert(store.current, table, id))).toMatchObject({ code: "STORAGE_ERROR" });
    }
    expect(store.current.reader.get(table, ALICE, 1n)?.cells[1]).toBe(PAGE);
    failures.clear();
    await insert(store.current, table, 5n);
    expect(countRows(store.current, table)).toBe(2);
  });
});

describe("the reserve", () => {
  test("that cannot be removed changes nothing of what writers are told", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const reserve = join(store.dataDir, "kalamdb.reserve");
    const table = await createTable(store.current, "messages");
    // A folder in its place is what no removal of a file takes away, for root neither.
    rmSync(reserve);
    mkdirSync(reserve);
    failures.set("commit", "SQLITE_FULL");
    const outcomes = await Promise.allSettled([insert(store.current, table, 1n), insert(store.current, table, 2n)]);
    expect(outcomes).toEqual([
      { status: "rejected", reason: FULL },
      { status: "rejected", reason: FULL },
    ]);
    failures.clear();
    store.clock.monotonic += 10_000;
    expect(await failureOf(insert(store.current, table, 3n))).toEqual(FULL);
    rmSync(reserve, { recursive: true });
    store.clock.monotonic += 10_000;
    await insert(store.current, table, 4n);
    expect(countRows(store.current, table)).toBe(1);
  });

  test("is given up when the disk is full; then rows are refused but deletes run, until it can be made again", async () => {
    const { store, failures } = failingStore();
    await using _closed = store;
    const reserve = join(store.dataDir, "kalamdb.reserve");
    const table = await createTable(store.current, "messages");
    await insert(store.current, table, 1n);
    expect(statSync(reserve).size).toBe(BALLAST_BYTES);
    failures.set("commit", "SQLITE_FULL").set("ballast", "ENOSPC");
    expect(await failureOf(insert(store.current, table, 2n))).toEqual(FULL);
    expect(existsSync(reserve)).toBe(false);
    failures.delete("commit");
    store.clock.monotonic += 10_000;
    expect(await failureOf(insert(store.current, table, 2n))).toEqual(FULL);
    await remove(store.current, table, 1n);
    expect(store.current.reader.get(table, ALICE, 1n)?.deleted).toBe(true);
    failures.clear();
    expect(await failureOf(insert(store.current, table, 2n))).toEqual(FULL);
    store.clock.monotonic += 10_000;
    await insert(store.current, table, 2n);
    expect(statSync(reserve).size).toBe(BALLAST_BYTES);
  });

  test("a reserve that was cut short is written again at the next start", async () => {
    await using store = openTestStore();
    const reserve = join(store.dataDir, "kalamdb.reserve");
    await store.current.close();
    writeFileSync(reserve, "short");
    await store.reopen();
    expect(statSync(reserve).size).toBe(BALLAST_BYTES);
  });
});

/** Inserts one row a turn until the disk is full; returns how many were acknowledged. */
async function fill(store: Store, table: TableSchema): Promise<bigint> {
  for (let id = 1n; id < 100_000n; id++) {
    try {
      await insert(store, table, id);
    } catch (error) {
      expect(error).toEqual(FULL);
      return id - 1n;
    }
  }
  throw new Error("the disk never filled");
}

function countRows(store: Store, table: TableSchema): unknown {
  return store.reader.all(`SELECT count(*) FROM hot_${table.id}`, [])[0]?.[0];
}

test("a file at its page quota (SQLite's own SQLITE_FULL): what was acknowledged is there, what was refused is not, DROP makes room", async () => {
  let limit: ((pages: number) => void) | undefined;
  await using store = openTestStore({
    registerFunctions: (db: Database) => {
      limit ??= (pages) => db.run(`PRAGMA max_page_count = ${pages}`);
    },
  });
  const table = await createTable(store.current, "messages");
  const other = await createTable(store.current, "other");
  limit?.(200);
  const acknowledged = await fill(store.current, table);
  expect(acknowledged).toBeGreaterThan(10n);
  store.clock.monotonic += 10_000;
  const turn = await Promise.allSettled(
    Array.from({ length: 20 }, (_, id) => insert(store.current, other, BigInt(id))),
  );
  expect(turn.some(({ status }) => status === "rejected")).toBe(true);
  const survivors = turn.filter(({ status }) => status === "fulfilled").length;
  expect(countRows(store.current, table)).toBe(Number(acknowledged));
  expect(countRows(store.current, other)).toBe(survivors);
  expect(store.current.writer.bufferedRows(other.id)).toBe(survivors);
  await store.current.writer.submit((tx) => tx.dropTable(table));
  store.clock.monotonic += 10_000;
  await insert(store.current, other, 100n);
});

const mountPoint = mkdtempSync(join(tmpdir(), "kalamdb-full-"));
const canMount =
  Bun.which("mount") !== null && Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", mountPoint]).success;
afterAll(() => {
  if (canMount) Bun.spawnSync(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});

const unmountable = canMount ? "" : " (skipped: no file system can be mounted here; the quota test stands in)";
test.skipIf(!canMount)(
  `a disk that is really full keeps what was acknowledged and recovers by deleting${unmountable}`,
  async () => {
    await using store = openTestStore({ dataDir: mountPoint });
    const table = await createTable(store.current, "messages");
    const acknowledged = await fill(store.current, table);
    expect(acknowledged).toBeGreaterThan(100n);
    expect(existsSync(join(mountPoint, "kalamdb.reserve"))).toBe(false);
    expect(countRows(store.current, table)).toBe(Number(acknowledged));
    await remove(store.current, table, 1n);
    await store.current.writer.submit((tx) => tx.dropTable(table));
    const reopened = await store.reopen();
    const again = await createTable(reopened, "messages");
    store.clock.monotonic += 10_000;
    await insert(reopened, again, 1n);
    expect(reopened.reader.get(again, ALICE, 1n)?.cells[1]).toBe(PAGE);
  },
);
