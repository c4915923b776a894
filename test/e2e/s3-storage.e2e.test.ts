// Rows flushed to S3: against a server on loopback that checks signatures and fails on demand.
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../src/base/log.ts";
import {
  type Fault,
  S3_ACCESS_KEY,
  S3_BUCKET,
  S3_REGION,
  S3_SECRET_KEY,
  type S3Request,
  startS3,
  type TestS3,
} from "../support/s3-server.ts";
import { ServerProcess } from "../support/server-process.ts";
import { loginToken, ROOT_PASSWORD, startTestServer, type TestServer, TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(240_000);

const SETTINGS = { "storage.remote_timeouts.request_ms": 2_000 };

let s3: TestS3;
let server: TestServer;
let root: TestUser;
const logged: string[] = [];
const note = (message: string, fields?: object): void => {
  logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
};
const log: Log = { debug: note, info: note, warn: note, error: note };

beforeEach(async () => {
  logged.splice(0);
  s3 = startS3({ pageKeys: 5 });
  server = await startTestServer(SETTINGS, { log });
  root = server.root;
  await root.sql("CREATE NAMESPACE app");
});
afterEach(async () => {
  s3.fault = () => undefined;
  await server[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

function createStorage(
  overrides: { readonly secret?: string; readonly region?: string; readonly bucket?: string } = {},
): string {
  const { secret = S3_SECRET_KEY, region = S3_REGION, bucket = `s3://${S3_BUCKET}/db` } = overrides;
  const credentials = JSON.stringify({ access_key_id: S3_ACCESS_KEY, secret_access_key: secret });
  const config = JSON.stringify({ endpoint: s3.endpoint });
  return `CREATE STORAGE far TYPE s3 BUCKET '${bucket}' REGION '${region}' CREDENTIALS '${credentials}' CONFIG '${config}'`;
}

const parquet = (): string[] => [...s3.objects.keys()].filter((key) => key.endsWith(".parquet")).sort();

test("ST-07 rows of a table in S3 are flushed there, read from there, compacted there, and go with the table", async () => {
  expect((await root.sql(createStorage())).message).toBe("Storage 'far' created successfully");
  await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'far')");
  const alice = await server.user("alice");
  const bob = await server.user("bob");
  for (let round = 1; round <= 3; round += 1) {
    await alice.sql(`INSERT INTO app.notes VALUES (${round}, 'alice ${round}')`);
    await bob.sql(`INSERT INTO app.notes VALUES (${round}, 'bob ${round}')`);
    await root.job("STORAGE FLUSH TABLE app.notes");
  }
  await alice.sql("DELETE FROM app.notes WHERE id = 2");
  await root.job("STORAGE FLUSH TABLE app.notes");
  expect(parquet()).toHaveLength(7);
  expect(parquet().every((key) => /^db\/app\/notes-\d+\/(alice|bob)\/segment-\d+-\w{12}-1\.parquet$/.test(key))).toBe(
    true,
  );
  expect(readdirSync(join(server.folder, "uploads"))).toEqual([]);
  const expectRows = async (): Promise<void> => {
    expect(await alice.rows("SELECT id, body FROM app.notes ORDER BY id")).toEqual([
      ["1", "alice 1"],
      ["3", "alice 3"],
    ]);
    expect(await bob.rows("SELECT body FROM app.notes WHERE id = 2")).toEqual([["bob 2"]]);
    await bob.sql("UPDATE app.notes SET body = 'bob 2' WHERE id = 2");
  };
  await expectRows();
  await root.sql("STORAGE COMPACT TABLE app.notes");
  await root.jobsEnd();
  await expectRows();
  expect((await root.rows("STORAGE CHECK far EXTENDED"))[0]?.slice(0, 6)).toEqual([
    "far",
    "healthy",
    true,
    true,
    true,
    true,
  ]);
  await root.sql("DROP TABLE app.notes");
  while (parquet().length > 0) await Bun.sleep(10);
  expect((await root.sql("DROP STORAGE far")).message).toBe("Storage 'far' dropped successfully");
});

test.each([
  ["a wrong secret", { secret: "wrong" }, "SignatureDoesNotMatch"],
  ["a wrong region", { region: "us-west-2" }, "AuthorizationHeaderMalformed"],
  ["a bucket that is not there", { bucket: "no-such-bucket" }, "NoSuchBucket"],
])("ST-07 CREATE STORAGE with %s is refused and leaves nothing", async (_what, overrides, code) => {
  const failed = await root.fails(createStorage(overrides));
  expect(failed.reason ?? failed.code).toBe("STORAGE_UNREACHABLE");
  expect(failed.message).toContain(code);
  expect(await root.rows("SELECT count(*) FROM system.storages")).toEqual([["1"]]);
  expect([...s3.objects.keys()]).toEqual([]);
});

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["answers 500", "500"],
  ["answers 403", "403"],
  ["does not answer", "hang"],
];
test.each([...FAULTS])(
  "ST-03 a flush to a server that %s loses nothing: rows stay buffered and go with the next one",
  async (_what, fault) => {
    await root.sql(createStorage());
    await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
    await root.sql("INSERT INTO app.t VALUES (1), (2)");
    s3.fault = ({ method, key }) => (method === "PUT" && key.includes("segment") ? fault : undefined);
    await root.sql("STORAGE FLUSH TABLE app.t");
    while (!s3.requests.some(({ method, key }) => method === "PUT" && key.includes("segment"))) await Bun.sleep(5);
    expect(await root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
    s3.fault = () => undefined;
    const failedOrRetried = async (): Promise<boolean> =>
      (await root.rows("SELECT count(*) FROM system.segments"))[0]?.[0] === "1";
    for (let tries = 0; !(await failedOrRetried()); tries += 1) {
      await root.jobsEnd().catch(() => undefined);
      await root.sql("STORAGE FLUSH TABLE app.t");
      await Bun.sleep(200);
      if (tries > 100) throw new Error("never flushed");
    }
    await root.jobsEnd();
    expect(parquet()).toHaveLength(1);
    expect(await root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
  },
);

test("ST-05 a read while the server is down is an error that names the storage, never fewer rows, and works when it is back", async () => {
  await root.sql(createStorage());
  await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
  await root.sql("INSERT INTO app.t VALUES (1)");
  await root.job("STORAGE FLUSH TABLE app.t");
  await root.sql("INSERT INTO app.t VALUES (2)");
  await s3.stop();
  const failed = await root.fails("SELECT id FROM app.t");
  expect(failed.message).toContain("'far' cannot be reached");
  expect((await root.rows("STORAGE CHECK far"))[0]?.slice(0, 2)).toEqual(["far", "unreachable"]);
  s3.start();
  await Bun.sleep(5_500);
  expect(await root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
});

test("AU-05 no secret of a storage is in a view, an error, a plan, a job, the audit log, the log or the data folder", async () => {
  await root.sql(createStorage());
  await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
  await root.sql("INSERT INTO app.t VALUES (1)");
  await root.job("STORAGE FLUSH TABLE app.t");
  const shown: unknown[] = [];
  const views = await root.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'system'");
  for (const [name] of views) shown.push(await root.rows(`SELECT * FROM system.${String(name)}`));
  shown.push(await root.sql("SHOW STORAGES"), await root.sql("EXPLAIN SELECT * FROM app.t"));
  const wrong = "quite/secret-too";
  const altered = await root.send(
    `ALTER STORAGE far SET CREDENTIALS '{"access_key_id":"${S3_ACCESS_KEY}","secret_access_key":"${wrong}"}'`,
  );
  expect(altered.status).toBe("error");
  shown.push(altered.error);
  const half = await root.send(`ALTER STORAGE far SET CREDENTIALS '{"secret_access_key":"${wrong}"'`);
  shown.push(half.error, await root.rows("SELECT * FROM system.audit_log"));
  s3.fault = () => "403";
  shown.push(await root.rows("STORAGE CHECK far"));
  s3.fault = () => undefined;
  const told = JSON.stringify([shown, logged]);
  for (const secret of [S3_SECRET_KEY, wrong]) expect(told.includes(secret)).toBe(false);
  expect(told).toContain("***");
  await server.stop();
  for (const name of readdirSync(server.folder, { recursive: true, encoding: "utf8" })) {
    const path = join(server.folder, name);
    if (!/sqlite/.test(name) || !existsSync(path)) continue;
    expect(readFileSync(path, "latin1").includes(S3_SECRET_KEY)).toBe(false);
    expect(readFileSync(path, "latin1").includes(S3_ACCESS_KEY)).toBe(false);
  }
});

test("ST-03 a server killed while it uploads loses no row, and no object stays that no segment names", async () => {
  const folder = server.folder;
  await server.stop();
  const start = (): Promise<ServerProcess> =>
    ServerProcess.start({ folder, password: ROOT_PASSWORD, logLevel: "error" });
  const login = async (url: string): Promise<TestUser> =>
    new TestUser(url, "root", await loginToken(url, "root", ROOT_PASSWORD));
  let running = await start();
  let user = await login(running.url);
  await user.sql(createStorage());
  await user.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
  const written: string[][] = [];
  // In the middle of an upload; and after it, before it is known to have arrived.
  for (const method of ["PUT", "HEAD"]) {
    const isStopped = (request: S3Request): boolean => request.method === method && request.key.includes("segment");
    written.push([String(written.length + 1)]);
    await user.sql(`INSERT INTO app.t VALUES (${written.length})`);
    s3.fault = (request) => (isStopped(request) ? "hang" : undefined);
    s3.requests.splice(0);
    await user.sql("STORAGE FLUSH TABLE app.t");
    while (!s3.requests.some(isStopped)) await Bun.sleep(5);
    await running.end("SIGKILL");
    expect(parquet()).toHaveLength(method === "PUT" ? 0 : 2);
    s3.fault = () => undefined;
    running = await start();
    user = await login(running.url);
    expect(await user.rows("SELECT id FROM app.t ORDER BY id")).toEqual(written);
    // The job of the server that died is taken up again.
    await user.jobsEnd();
    const paths = await user.rows("SELECT path FROM system.segments ORDER BY path");
    expect(paths.map(([path]) => String(path).replace("@far/", "db/"))).toEqual(parquet());
    expect(paths).toHaveLength(written.length);
    expect(await user.rows("SELECT id FROM app.t ORDER BY id")).toEqual(written);
  }
  await running[Symbol.asyncDispose]();
});

test("ST-03 an upload that was given up and arrives after all takes the place of nothing", async () => {
  await root.sql(createStorage());
  await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
  await root.sql("INSERT INTO app.t VALUES (1), (2)");
  s3.fault = ({ method, key }) => (method === "PUT" && key.includes("segment") ? "slow" : undefined);
  await root.sql("STORAGE FLUSH TABLE app.t");
  await root.jobsEnd();
  const why = "Flush of app.t failed for 1 scope(s) (0 rows, 0 files): Storage 'far' cannot be reached: ";
  const [[status, message] = []] = await root.rows("SELECT status, message FROM system.jobs WHERE job_type = 'flush'");
  expect([status, message]).toEqual(["failed", expect.stringContaining(why)]);
  expect(message).toContain("RequestTimeout");
  s3.fault = () => undefined;
  // The same rows, up to the same position, in a file of another content.
  await root.sql("ALTER TABLE app.t ADD COLUMN body TEXT DEFAULT 'added'");
  while ((await root.rows("SELECT count(*) FROM system.segments"))[0]?.[0] === "0") {
    await root.sql("STORAGE FLUSH TABLE app.t");
    await root.jobsEnd();
  }
  const before = new Map(s3.objects);
  s3.goOn();
  await until(() => parquet().some((key) => s3.objects.get(key) !== before.get(key)), "the upload that was given up");
  for (const [key, content] of before) expect(s3.objects.get(key) === content).toBe(true);
  expect(await root.rows("SELECT id, body FROM app.t ORDER BY id")).toEqual([
    ["1", "added"],
    ["2", "added"],
  ]);
});

test("ST-07 uploads that take long hold up neither the encoding of the next files nor a flush to another storage", async () => {
  await root.sql(createStorage());
  await root.sql("CREATE USER TABLE app.far (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'far')");
  await root.sql("CREATE TABLE app.near (id BIGINT PRIMARY KEY)");
  await root.sql("INSERT INTO app.near VALUES (1)");
  for (let user = 0; user < 5; user += 1)
    await (await server.user(`user-${user}`)).sql("INSERT INTO app.far VALUES (1)");
  const isUpload = ({ method, key }: S3Request): boolean => method === "PUT" && key.includes("segment");
  s3.fault = (request) => (isUpload(request) ? "slow" : undefined);
  await root.sql("STORAGE FLUSH TABLE app.far");
  while (s3.requests.filter(isUpload).length < 5) await Bun.sleep(5);
  await root.sql("STORAGE FLUSH TABLE app.near");
  const near = "SELECT count(*) FROM system.segments WHERE path NOT LIKE '@far/%'";
  while ((await root.rows(near))[0]?.[0] !== "1") await Bun.sleep(5);
  expect(parquet()).toEqual([]);
  s3.goOn();
  await root.jobsEnd();
  expect(parquet()).toHaveLength(5);
});

test("ST-03 a server killed before a manifest, in an upload of a merge or while the objects of a dropped table go loses no row, and the objects that nothing names go", async () => {
  const folder = server.folder;
  await server.stop();
  const start = (): Promise<ServerProcess> =>
    ServerProcess.start({ folder, password: ROOT_PASSWORD, logLevel: "error" });
  let running = await start();
  const login = async (): Promise<TestUser> =>
    new TestUser(running.url, "root", await loginToken(running.url, "root", ROOT_PASSWORD));
  let user = await login();
  await user.sql(createStorage());
  await user.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'far')");
  const expected: string[][] = [];
  const steps = [
    {
      statement: "STORAGE FLUSH TABLE app.t",
      stop: (it: S3Request) => it.method === "PUT" && it.key.endsWith("manifest.json"),
    },
    {
      statement: "STORAGE FLUSH TABLE app.t",
      stop: (it: S3Request) => it.method === "PUT" && it.key.includes("segment"),
    },
    {
      statement: "STORAGE COMPACT TABLE app.t",
      stop: (it: S3Request) => it.method === "PUT" && it.key.includes("segment"),
    },
    { statement: "DROP TABLE app.t", stop: (it: S3Request) => it.method === "DELETE" },
  ];
  for (const { statement, stop } of steps) {
    if (statement.startsWith("STORAGE FLUSH")) {
      expected.push([String(expected.length + 1), `row ${expected.length + 1}`]);
      await user.sql(`INSERT INTO app.t VALUES (${expected.length}, 'row ${expected.length}')`);
    }
    const before = parquet();
    s3.fault = (request) => (stop(request) ? "hang" : undefined);
    s3.requests.splice(0);
    await user.sql(statement);
    while (!s3.requests.some(stop)) await Bun.sleep(5);
    await running.end("SIGKILL");
    s3.fault = () => undefined;
    running = await start();
    user = await login();
    await user.jobsEnd();
    if (statement.startsWith("DROP")) expect((await user.fails("SELECT id FROM app.t")).reason).toBe("TABLE_NOT_FOUND");
    else expect(await user.rows("SELECT id, body FROM app.t ORDER BY id")).toEqual(expected);
    const paths = await user.rows("SELECT path FROM system.segments ORDER BY path");
    const named = paths.map(([path]) => String(path).replace("@far/", "db/"));
    // Replaced files stay until no query can want them.
    const replaced = statement.startsWith("STORAGE COMPACT") ? before : [];
    const wanted = [...named, ...replaced].sort();
    // The sweep of a bucket runs beside the requests.
    await until(
      () => parquet().join() === wanted.join(),
      () => `${parquet().join()} is what is named: ${wanted.join()}`,
    );
  }
  expect(parquet()).toEqual([]);
  await running[Symbol.asyncDispose]();
});
