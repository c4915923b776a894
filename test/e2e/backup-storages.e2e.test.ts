// OP-03 ST-07: backups and exports of a database whose files lie in several storages, and backups that lie in a storage themselves.
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spoolFolder } from "../../src/storage/objects/storage-access.ts";
import { readZip } from "../support/read-zip.ts";
import { S3_ACCESS_KEY, S3_BUCKET, S3_REGION, S3_SECRET_KEY, startS3, type TestS3 } from "../support/s3-server.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

setDefaultTimeout(240_000);

const SETTINGS = { "storage.remote_timeouts.request_ms": 2_000 };
const ROWS = [
  ["1", "flushed"],
  ["2", "buffered"],
];

let s3: TestS3;
let server: TestServer;
let alice: TestUser;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kalamdb-backups-"));
  s3 = startS3({ pageKeys: 3 });
  server = await startTestServer(SETTINGS);
  const credentials = JSON.stringify({ access_key_id: S3_ACCESS_KEY, secret_access_key: S3_SECRET_KEY });
  const config = JSON.stringify({ endpoint: s3.endpoint });
  await server.root.sql(
    `CREATE NAMESPACE app; CREATE STORAGE disk TYPE filesystem PATH '${join(folder, "disk")}'; CREATE STORAGE far TYPE s3 BUCKET 's3://${S3_BUCKET}/db' REGION '${S3_REGION}' CREDENTIALS '${credentials}' CONFIG '${config}'`,
  );
  alice = await server.user("alice");
  for (const storage of ["local", "disk", "far"]) {
    await server.root.sql(
      `CREATE USER TABLE app.in_${storage} (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = '${storage}')`,
    );
    await alice.sql(`INSERT INTO app.in_${storage} VALUES (1, 'flushed')`);
  }
  await server.root.job("STORAGE FLUSH ALL IN app");
  for (const storage of ["local", "disk", "far"])
    await alice.sql(`INSERT INTO app.in_${storage} VALUES (2, 'buffered')`);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function backUp(sql: string): Promise<readonly unknown[]> {
  const { message = "" } = await server.root.sql(sql);
  const id = /Job ID: ([A-Z]{2}-[0-9a-f]{12})$/.exec(message)?.[1];
  await server.root.jobsEnd();
  const [row = []] = await server.root.rows("SELECT status, message FROM system.jobs WHERE job_id = $1", [id]);
  return row;
}

async function command(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const child = Bun.spawn([process.execPath, main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, AWS_ACCESS_KEY_ID: S3_ACCESS_KEY, AWS_SECRET_ACCESS_KEY: S3_SECRET_KEY },
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + err };
}

/** Rows of all three tables, on a server of its own, which has nothing but its folder. */
async function expectRestored(
  dataDir: string,
  more = (_restored: TestServer): Promise<void> => Promise.resolve(),
): Promise<void> {
  await using restored = await startTestServer(SETTINGS, { folder: dataDir });
  const user = await restored.login("alice", "pass-word-alice-1");
  for (const storage of ["local", "disk", "far"]) {
    expect<unknown>(await user.rows(`SELECT id, body FROM app.in_${storage} ORDER BY id`)).toEqual(ROWS);
  }
  await more(restored);
}

test("OP-03 a backup holds the files of every storage, and what is restored from it needs none of them", async () => {
  const target = join(folder, "backup");
  expect(await backUp(`BACKUP DATABASE TO '${target}'`)).toMatchObject({ 0: "completed" });
  expect(await command("restore", "--from", target, "--verify")).toMatchObject({ code: 0 });
  await command("restore", "--from", target, "--data-dir", join(folder, "data"));
  await server.stop();
  await rm(join(folder, "disk"), { recursive: true });
  await s3.stop();
  await expectRestored(join(folder, "data"));
});

test("OP-03 the command backs up a stopped server with all its storages", async () => {
  await server.stop();
  const target = join(folder, "backup");
  expect(await command("backup", "--data-dir", server.folder, "--to", target)).toMatchObject({ code: 0 });
  await command("restore", "--from", target, "--data-dir", join(folder, "data"));
  await s3.stop();
  await rm(join(folder, "disk"), { recursive: true });
  await expectRestored(join(folder, "data"));
});

test("OP-03 a backup in an S3 storage is listed whole, survives the next start, and is restored from there", async () => {
  expect(await backUp("BACKUP DATABASE TO 'monday' IN STORAGE far")).toMatchObject({ 0: "completed" });
  const keys = (): string[] => [...s3.objects.keys()].filter((key) => key.startsWith("db/_kalamdb_backups/")).sort();
  const made = keys();
  expect(made.filter((key) => key.endsWith("backup.json"))).toEqual(["db/_kalamdb_backups/monday/backup.json"]);
  expect(made.filter((key) => key.endsWith(".parquet"))).toHaveLength(3);
  expect(made.filter((key) => key.endsWith("incomplete"))).toEqual([]);
  expect(await backUp("BACKUP DATABASE TO 'monday' IN STORAGE far")).toMatchObject({ 0: "failed" });
  expect(keys()).toEqual(made);
  await server.stop();
  server = await startTestServer(SETTINGS, { folder: server.folder });
  await server.root.job("DROP TABLE app.in_far");
  expect(keys()).toEqual(made);
  const from = [
    "--from",
    `s3://${S3_BUCKET}/db/_kalamdb_backups/monday`,
    "--endpoint",
    s3.endpoint,
    "--region",
    S3_REGION,
  ];
  expect(await command("restore", ...from, "--verify")).toMatchObject({ code: 0 });
  expect(await command("restore", ...from, "--data-dir", join(folder, "data"))).toMatchObject({ code: 0 });
  await server.stop();
  await expectRestored(join(folder, "data"), async (restored) => {
    // What belongs to the database that was backed up is not written to; a place of its own makes it go on.
    await restored.root.sql("STORAGE FLUSH TABLE app.in_disk");
    await restored.root.jobsEnd();
    const flushes = "SELECT status FROM system.jobs WHERE job_type = 'flush' ORDER BY created_at DESC LIMIT 1";
    expect<unknown>(await restored.root.rows(flushes)).toEqual([["failed"]]);
  });
  const damaged = made.find((key) => key.includes("in_disk")) ?? "";
  const bytes = s3.objects.get(damaged) ?? new Uint8Array();
  s3.objects.set(
    damaged,
    bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
  );
  expect(await command("restore", ...from, "--verify")).toMatchObject({
    code: 1,
    output: expect.stringContaining("damaged"),
  });
});

test("OP-03 ST-07 a storage that could not be reached when a restored database started is not taken for its own", async () => {
  const target = join(folder, "backup");
  await backUp(`BACKUP DATABASE TO '${target}'`);
  await server.stop();
  await command("restore", "--from", target, "--data-dir", join(folder, "data"));
  const kept = [...s3.objects.keys()].sort();
  await s3.stop();
  await using restored = await startTestServer(SETTINGS, { folder: join(folder, "data") });
  const flushed = async (): Promise<unknown> => {
    await restored.root.sql("STORAGE FLUSH TABLE app.in_far");
    await restored.root.jobsEnd();
    return (
      await restored.root.rows("SELECT status, exception_trace FROM system.jobs ORDER BY created_at DESC LIMIT 1")
    )[0];
  };
  expect(await flushed()).toEqual(["failed", expect.stringContaining("cannot be reached")]);
  s3.start();
  let last = await flushed();
  while (JSON.stringify(last).includes("cannot be reached")) last = await flushed();
  expect(last).toEqual(["failed", expect.stringContaining("belongs to another database")]);
  expect([...s3.objects.keys()].sort()).toEqual(kept);
  const [check] = await restored.root.rows("STORAGE CHECK far");
  expect(check?.slice(0, 6)).toEqual(["far", "degraded", true, false, true, false]);
  expect(check).toContainEqual(expect.stringContaining("belongs to another database"));
  // A place of its own makes it go on, without a start.
  await restored.root.sql(`ALTER STORAGE far SET BUCKET 's3://${S3_BUCKET}/own'`);
  expect(await flushed()).toEqual(["completed", null]);
  expect(kept.every((key) => s3.objects.has(key))).toBe(true);
});

test("OP-03 a backup in a storage that fails, or is killed, leaves nothing there; what may not be its name is refused", async () => {
  const left = (): string[] => [...s3.objects.keys()].filter((key) => key.startsWith("db/_kalamdb_backups/"));
  s3.fault = ({ method, key }) => (method === "PUT" && key.endsWith(".parquet") ? "403" : undefined);
  expect(await backUp("BACKUP DATABASE TO 'refused' IN STORAGE far")).toMatchObject({
    0: "failed",
    1: expect.stringContaining("AccessDenied"),
  });
  while (left().length > 0) await Bun.sleep(10);
  const begun = Promise.withResolvers<void>();
  s3.fault = ({ method, key }) => {
    if (method !== "PUT" || !key.endsWith(".parquet")) return undefined;
    begun.resolve();
    return "hang";
  };
  const { message = "" } = await server.root.sql("BACKUP DATABASE TO 'killed' IN STORAGE far");
  await begun.promise;
  await server.root.sql(`KILL JOB '${/BK-[0-9a-f]+/.exec(message)?.[0] ?? ""}'`);
  s3.fault = () => undefined;
  await server.root.jobsEnd();
  while (left().length > 0) await Bun.sleep(10);
  // Nor on this machine, where a file waits for its upload.
  expect(readdirSync(spoolFolder(server.folder))).toEqual([]);
  for (const [sql, reason] of [
    ["BACKUP DATABASE TO '../up' IN STORAGE far", "INVALID_INPUT"],
    ["BACKUP DATABASE TO '/abs' IN STORAGE far", "INVALID_INPUT"],
    ["BACKUP DATABASE TO 'monday' IN STORAGE local", "INVALID_INPUT"],
    ["BACKUP DATABASE TO 'monday' IN STORAGE nowhere", "NOT_FOUND"],
  ] as const) {
    const error = await server.root.fails(sql);
    expect(error.reason ?? error.code).toBe(reason);
  }
  expect(await backUp("BACKUP DATABASE TO 'week/monday' IN STORAGE disk")).toMatchObject({ 0: "completed" });
  expect(existsSync(join(folder, "disk", "_kalamdb_backups", "week", "monday", "backup.json"))).toBe(true);
});

test("OP-03 EXPORT USER DATA holds a user's rows of every storage", async () => {
  await alice.sql("EXPORT USER DATA");
  await server.root.jobsEnd();
  const [[, , , , url] = []] = await alice.rows("SHOW EXPORT");
  const response = await fetch(String(url), { headers: { authorization: `Bearer ${alice.token}` } });
  const files = readZip(Buffer.from(await response.arrayBuffer()));
  for (const storage of ["local", "disk", "far"]) {
    const { rows } = JSON.parse(files[`app.in_${storage}.json`] ?? "{}");
    expect(rows.map(([id, body]: readonly unknown[]) => [String(id), body])).toEqual(ROWS);
  }
});

test("OP-03 ST-08 an export that a storage holds up is tried again, and tells its user what is missing and no more", async () => {
  await server.stop();
  server = await startTestServer(SETTINGS, { folder: server.folder });
  alice = await server.login("alice", "pass-word-alice-1");
  await s3.stop();
  await alice.sql("EXPORT USER DATA");
  await server.root.jobsEnd();
  const [[, status, , message] = []] = await alice.rows("SHOW EXPORT");
  expect([status, message]).toEqual(["failed", "The rows of app.in_far could not be read"]);
  const [job] = await server.root.rows(
    "SELECT retry_count, exception_trace FROM system.jobs WHERE job_type = 'user_export'",
  );
  expect(job).toEqual([2, expect.stringContaining("Storage 'far' cannot be reached")]);
});

test("ST-07 an S3 storage without CREDENTIALS is read and written with those of the server's environment", async () => {
  await server.stop();
  server = await startTestServer(
    { ...SETTINGS, "storage.s3_access_key_id": S3_ACCESS_KEY, "storage.s3_secret_access_key": S3_SECRET_KEY },
    { folder: server.folder },
  );
  const config = JSON.stringify({ endpoint: s3.endpoint });
  await server.root.sql(
    `CREATE STORAGE ambient TYPE s3 BUCKET 's3://${S3_BUCKET}/ambient' REGION '${S3_REGION}' CONFIG '${config}'; CREATE SHARED TABLE app.ambient (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'ambient')`,
  );
  await server.root.sql("INSERT INTO app.ambient VALUES (1, 'x')");
  await server.root.job("STORAGE FLUSH TABLE app.ambient");
  expect([...s3.objects.keys()].filter((key) => /^ambient\/.*\.parquet$/.test(key))).toHaveLength(1);
  expect<unknown>(await server.root.rows("SELECT id, body FROM app.ambient WHERE body = 'x'")).toEqual([["1", "x"]]);
  expect(
    await server.root.rows("SELECT value FROM system.settings WHERE name = 'storage.s3_secret_access_key'"),
  ).not.toEqual([[S3_SECRET_KEY]]);
});
