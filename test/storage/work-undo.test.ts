import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transactionStatements } from "../../src/storage/hot/transaction-statements.ts";
import { workUndo } from "../../src/storage/hot/work-undo.ts";

function openTransaction(isSynced = true) {
  const folder = mkdtempSync(join(tmpdir(), "kalamdb-test-"));
  const path = join(folder, "data.sqlite");
  const db = new Database(path);
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("CREATE TABLE meta (key TEXT, value INTEGER)");
  db.run("CREATE TABLE rows (id INTEGER)");
  const sql = transactionStatements(db);
  let savepoints = 0;
  const counted = {
    ...sql,
    savepoint: {
      run: () => {
        savepoints += 1;
        sql.savepoint.run();
      },
    },
  };
  sql.begin.run({ isSynced });
  const undo = workUndo(counted, { isSynced });
  return {
    savepoints: () => savepoints,
    work(id: number, becomes: "kept" | "undone") {
      undo.open();
      db.run(`INSERT INTO rows VALUES (${id})`);
      if (becomes === "kept") undo.release();
      else undo.rollBack();
    },
    synchronous: () => db.query("PRAGMA synchronous").values().flat(),
    isOpen: () => db.inTransaction,
    commit(): unknown[] {
      sql.commit.run();
      using reader = new Database(path, { readonly: true });
      return reader.query("SELECT id FROM rows ORDER BY id").values().flat();
    },
    [Symbol.dispose]() {
      db.close();
      rmSync(folder, { recursive: true });
    },
  };
}

test("ST-01 the first work that writes needs no savepoint, each after it has one", () => {
  using transaction = openTransaction();
  transaction.work(1, "kept");
  expect(transaction.savepoints()).toBe(0);
  transaction.work(2, "kept");
  transaction.work(3, "undone");
  transaction.work(4, "kept");
  expect(transaction.savepoints()).toBe(3);
  expect(transaction.commit()).toEqual([1, 2, 4]);
});

test("ST-01 when the first fails the next is the first again, in a transaction that is open", () => {
  using transaction = openTransaction();
  transaction.work(1, "undone");
  expect(transaction.isOpen()).toBe(true);
  transaction.work(2, "undone");
  transaction.work(3, "kept");
  expect(transaction.savepoints()).toBe(0);
  transaction.work(4, "undone");
  expect(transaction.commit()).toEqual([3]);
});

test("ST-01 a transaction that is begun anew is synced as it would have been", () => {
  for (const [isSynced, level] of [
    [true, 2],
    [false, 1],
  ] as const) {
    using transaction = openTransaction(isSynced);
    transaction.work(1, "undone");
    expect(transaction.synchronous()).toEqual([level]);
    expect(transaction.commit()).toEqual([]);
  }
});
