import { expect, test } from "bun:test";
import { failureOf } from "../storage/open-test-store.ts";
import { openEngine } from "./engine-fixture.ts";

/** Without the bytes of files, which depend on the encoder. */
function withoutBytes(rows: readonly (readonly unknown[])[]): unknown[][] {
  return rows.map((row) => row.slice(0, -1));
}

test("TB-09 SHOW TABLE STATS counts rows, ends of rows, versions and files exactly, before and after a flush", async () => {
  await using engine = await openEngine();
  await engine.run("CREATE SHARED TABLE notes (id BIGINT PRIMARY KEY, body TEXT)");
  const stats = async (): Promise<unknown[][]> => withoutBytes(await engine.rows("SHOW TABLE STATS notes"));
  expect(await stats()).toEqual([["app.notes", "shared", null, 1, "0", "0", "0", "0", "0"]]);
  await engine.run("INSERT INTO notes VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  expect(await stats()).toEqual([["app.notes", "shared", null, 1, "3", "0", "3", "0", "0"]]);
  await engine.flush("app", "notes");
  expect(await stats()).toEqual([["app.notes", "shared", null, 1, "3", "0", "0", "3", "1"]]);
  await engine.run("DELETE FROM notes WHERE id = 1; UPDATE notes SET body = 'z' WHERE id = 2");
  expect(await stats()).toEqual([["app.notes", "shared", null, 1, "2", "1", "2", "3", "1"]]);
  await engine.flush("app", "notes");
  await engine.run("ALTER TABLE notes ADD COLUMN more TEXT");
  expect(await stats()).toEqual([["app.notes", "shared", null, 2, "2", "1", "0", "5", "2"]]);
  const bytes = engine.deps.catalog.allSegments().reduce((sum, segment) => sum + segment.bytes, 0);
  const [row] = await engine.rows("SHOW STATS FOR TABLE app.notes");
  expect(row?.at(-1)).toBe(String(bytes));
});

test("TB-03 TB-09 everybody sees the counts of their own rows, an administrator those of every user", async () => {
  await using engine = await openEngine();
  await engine.run("CREATE USER TABLE notes (id BIGINT PRIMARY KEY, body TEXT)");
  await engine.run("INSERT INTO notes VALUES (1, 'a')", { user: "ann", role: "user" });
  await engine.run("INSERT INTO notes VALUES (1, 'a'), (2, 'b')", { user: "bob", role: "user" });
  await engine.flush("app", "notes");
  await engine.run("DELETE FROM notes WHERE id = 1", { user: "bob", role: "user" });
  const counts = (rows: readonly (readonly unknown[])[]): unknown[][] =>
    rows.map((row) => [row[2], row[4], row[5], row[7]]);
  expect(counts(await engine.rows("SHOW TABLE STATS notes", { user: "ann", role: "user" }))).toEqual([
    ["ann", "1", "0", "1"],
  ]);
  expect(counts(await engine.rows("SHOW TABLE STATS notes", { user: "eve", role: "service" }))).toEqual([
    ["eve", "0", "0", "0"],
  ]);
  expect(counts(await engine.rows("SHOW TABLE STATS notes", { user: "root", role: "dba" }))).toEqual([
    ["root", "0", "0", "0"],
    ["ann", "1", "0", "1"],
    ["bob", "1", "1", "2"],
  ]);
});

test("TB-11 a private table's counts are for those who may read it", async () => {
  await using engine = await openEngine();
  await engine.run("CREATE SHARED TABLE secrets (id BIGINT PRIMARY KEY) WITH (ACCESS_LEVEL = 'private')");
  const failure = await failureOf(engine.run("SHOW TABLE STATS secrets", { user: "ann", role: "user" }));
  expect(failure).toMatchObject({ error: { code: "PERMISSION_DENIED" } });
});
