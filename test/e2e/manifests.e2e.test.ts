// ST-06: manifest.json is for readers outside this program, so it names what is there and nobody who is gone.
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(240_000);

async function run(server: TestServer, sql: string): Promise<void> {
  await server.root.sql(sql);
  const unfinished = "SELECT count(*) FROM system.jobs WHERE status IN ('pending', 'running')";
  await until(async () => (await server.root.rows(unfinished))[0]?.[0] === "0", sql);
}

function manifestsBelow(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith("manifest.json"));
}

test("TB-10 ST-06 the manifest of a user who is removed goes with the rows, not only at the next start", async () => {
  const settings = { "user_management.deletion_grace_period_days": 0 };
  await using first = await startTestServer(settings);
  await first.root.sql("CREATE NAMESPACE app; CREATE USER TABLE app.contacts (email TEXT PRIMARY KEY)");
  for (const name of ["ann", "ben"]) {
    const user = await first.user(name);
    await user.sql(`INSERT INTO app.contacts VALUES ('${name}@example.org')`);
  }
  await run(first, "STORAGE FLUSH TABLE app.contacts");
  const storage = join(first.folder, "storage");
  const [ofAnn = ""] = manifestsBelow(storage).filter((name) => name.includes("/ann/"));
  expect(readFileSync(join(storage, ofAnn), "utf8")).toContain("ann@example.org");
  await first.root.sql("DROP USER 'ann'");
  await first.stop();
  await using server = await startTestServer(settings, { folder: first.folder });
  const ended = "SELECT count(*) FROM system.jobs WHERE job_type = 'user_cleanup' AND status = 'completed'";
  await until(async () => (await server.root.rows(ended))[0]?.[0] === "1", "the clean-up");
  await until(() => !existsSync(join(storage, ofAnn)), "the end of the manifest");
  expect(manifestsBelow(storage).map((name) => dirname(name).split("/").at(-1))).toEqual(["ben"]);
});

test("ST-04 ST-06 files that a merge puts elsewhere leave the manifest of the place they were in", async () => {
  await using server = await startTestServer({ "compaction.enabled": false });
  await server.root.sql("CREATE NAMESPACE app; CREATE STORAGE disk TYPE filesystem PATH 'disk'");
  await server.root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'disk')");
  const storage = join(server.folder, "storages", "disk");
  for (const id of [1, 2]) {
    await server.root.sql(`INSERT INTO app.t VALUES (${id})`);
    await run(server, "STORAGE FLUSH TABLE app.t");
  }
  const [before = ""] = manifestsBelow(storage);
  await server.root.sql("ALTER STORAGE disk SET SHARED_TABLES_TEMPLATE 'new/{namespace}/{tableName}'");
  await run(server, "STORAGE COMPACT TABLE app.t");
  await until(() => !existsSync(join(storage, before)), "the end of the manifest");
  const [after = "", ...others] = manifestsBelow(storage);
  expect(others).toEqual([]);
  expect(after).toBe(`new/${before}`);
  const manifest: { segments: { path: string; row_count: number }[] } = JSON.parse(
    readFileSync(join(storage, after), "utf8"),
  );
  expect(manifest.segments.map(({ row_count }) => row_count)).toEqual([2]);
  for (const { path } of manifest.segments) expect(existsSync(join(storage, dirname(after), path))).toBe(true);
});
