// Statements that are kept between queries: each reads what it was authorized for, and what is committed by then.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ReadPolicy } from "../../../src/engine/query/read-policy.ts";
import { ReadStatements } from "../../../src/engine/query/read-statements.ts";

const SELECT = "SELECT a FROM hot_1 ORDER BY a";

function openFile() {
  const folder = mkdtempSync(join(tmpdir(), "kalamdb-test-"));
  const path = join(folder, "data.sqlite");
  const writer = new Database(path);
  writer.run("PRAGMA journal_mode = WAL");
  writer.run("CREATE TABLE hot_1 (a INTEGER)");
  writer.run("INSERT INTO hot_1 VALUES (1), (2), (3)");
  const db = new DatabaseSync(path, { readOnly: true });
  const policy = new ReadPolicy(["hot_1", "users"]);
  policy.install(db);
  const statements = new ReadStatements(db, policy);
  const read = (sql = SELECT, tables = ["hot_1"]): unknown[] =>
    statements.run(new Set(tables), sql, (statement) => statement.all().flat());
  return {
    writer,
    statements,
    read,
    [Symbol.dispose]() {
      db.close();
      writer.close();
      rmSync(folder, { recursive: true });
    },
  };
}

test("ST-05 a statement that is kept sees what was committed since it last ran", () => {
  using file = openFile();
  expect(file.read()).toEqual([1, 2, 3]);
  file.writer.run("DELETE FROM hot_1 WHERE a = 2");
  expect(file.read()).toEqual([1, 3]);
});

test("ST-05 a query that ends in the middle of its rows leaves no snapshot open", () => {
  using file = openFile();
  const tooLarge = (): unknown =>
    file.statements.run(new Set(["hot_1"]), SELECT, (statement) => {
      for (const row of statement.iterate()) throw new Error(`enough after ${JSON.stringify(row)}`);
      return undefined;
    });
  expect(tooLarge).toThrow("enough after [1]");
  file.writer.run("DELETE FROM hot_1 WHERE a = 1");
  // Nobody reads the log any more, so all of it can be folded into the file.
  expect(file.writer.query("PRAGMA wal_checkpoint(TRUNCATE)").values()).toEqual([[0, 0, 0]]);
  expect(file.read()).toEqual([2, 3]);
});

test("TB-03 what was authorized for some tables is not for others", () => {
  using file = openFile();
  expect(file.read()).toEqual([1, 2, 3]);
  expect(() => file.read(SELECT, ["hot_2"])).toThrow("prohibited");
  expect(() => file.read("SELECT 1 FROM users")).toThrow();
  expect(file.read()).toEqual([1, 2, 3]);
});

test("TB-09 a statement that is kept is made again for a table that was altered or made anew", () => {
  using file = openFile();
  expect(file.read()).toEqual([1, 2, 3]);
  file.writer.run("ALTER TABLE hot_1 ADD COLUMN b INTEGER DEFAULT 7");
  expect(file.read("SELECT a, b FROM hot_1 WHERE a = 1")).toEqual([1, 7]);
  expect(file.read()).toEqual([1, 2, 3]);
  file.writer.run("DROP TABLE hot_1");
  expect(() => file.read()).toThrow("no such table");
  file.writer.run("CREATE TABLE hot_1 (b TEXT, a TEXT)");
  file.writer.run("INSERT INTO hot_1 VALUES ('not this', 'this')");
  expect(file.read()).toEqual(["this"]);
});

test("ST-05 more texts than are kept are answered all the same", () => {
  using file = openFile();
  for (let n = 0; n < 200; n += 1) expect(file.read(`SELECT a + ${n} FROM hot_1 WHERE a = 1`)).toEqual([1 + n]);
  expect(file.read("SELECT a + 0 FROM hot_1 WHERE a = 1")).toEqual([1]);
  const long = `SELECT a FROM hot_1 WHERE a IN (${Array.from({ length: 5_000 }, (_unused, n) => n + 2).join(", ")})`;
  for (let n = 0; n < 3; n += 1) expect(file.read(long)).toEqual([2, 3]);
});
