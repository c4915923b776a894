// System views as the engine answers them: up to date with the statement before, and only for who may read them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { failureOf } from "../storage/open-test-store.ts";
import { type EngineFixture, openEngine } from "./engine-fixture.ts";

let engine: EngineFixture;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test("TB-10 information_schema follows every DDL statement at once", async () => {
  const tables = (): Promise<unknown[][]> =>
    engine.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'app' ORDER BY table_name");
  const columns = (): Promise<unknown[][]> =>
    engine.rows(
      "SELECT column_name FROM information_schema.columns WHERE table_name = 'two' AND ordinal_position <= 2 ORDER BY ordinal_position",
    );
  expect(await tables()).toEqual([]);
  await engine.run("CREATE TABLE one (id BIGINT PRIMARY KEY) WITH (TYPE = 'USER')");
  await engine.run("CREATE SHARED TABLE two (id BIGINT PRIMARY KEY, a TEXT)");
  expect(await tables()).toEqual([["one"], ["two"]]);
  expect(await columns()).toEqual([["id"], ["a"]]);
  await engine.run("DROP TABLE two");
  expect(await tables()).toEqual([["one"]]);
  await engine.run("CREATE SHARED TABLE two (key TEXT PRIMARY KEY, b TEXT)");
  expect(await columns()).toEqual([["key"], ["b"]]);
});

test("TB-10 an ordinary user reads information_schema and no system view, whatever surrounds it", async () => {
  const user = { user: "ann", role: "user" as const };
  expect(await engine.rows("SELECT count(*) > 0 FROM information_schema.tables", user)).toEqual([[true]]);
  const forms = [
    "SELECT * FROM system.users",
    "SELECT (SELECT count(*) FROM system.users)",
    "WITH u AS (SELECT * FROM system.users) SELECT 1 FROM u",
    "SELECT 1 FROM information_schema.tables WHERE EXISTS (SELECT 1 FROM system.jobs)",
    "SELECT 1 UNION ALL SELECT 2 FROM system.settings",
  ];
  for (const sql of forms) {
    expect({ sql, failure: await failureOf(engine.run(sql, user)) }).toMatchObject({
      failure: { error: { code: "PERMISSION_DENIED" } },
    });
  }
});

test("TB-10 a flush is a row of system.jobs by the time it is answered", async () => {
  await engine.run("CREATE SHARED TABLE flushed (id BIGINT PRIMARY KEY)");
  await engine.run("INSERT INTO flushed VALUES (1)");
  const [answer] = await engine.run("STORAGE FLUSH TABLE app.flushed");
  const id = /FL-[0-9a-f]{12}/.exec(answer?.message ?? "")?.[0] ?? "none";
  expect(await engine.rows(`SELECT count(*) FROM system.jobs WHERE job_id = '${id}'`)).toEqual([["1"]]);
});

test("TB-10 the older names of views are there, and information_schema.tables has the columns that clients look for", async () => {
  const columnsOf = async (schema: string, name: string): Promise<unknown[]> =>
    (
      await engine.rows(
        `SELECT column_name FROM information_schema.columns WHERE table_schema = '${schema}' AND table_name = '${name}' ORDER BY ordinal_position`,
        { role: "dba" },
      )
    ).flat();
  expect(await columnsOf("information_schema", "tables")).toEqual([
    "table_catalog",
    "table_schema",
    "table_name",
    "table_type",
    "kalamdb_table_type",
    "storage_id",
    "use_user_storage",
    "flush_row_threshold",
    "flush_interval_seconds",
    "ttl_seconds",
    "schema_version",
    "created_at",
    "updated_at",
  ]);
  expect(await columnsOf("system", "live_queries")).toEqual(await columnsOf("system", "live"));
  expect(await columnsOf("system", "table_schemas")).toEqual(await columnsOf("system", "schemas"));
  expect(await columnsOf("system", "table_options")).toContain("ttl_seconds");
});
