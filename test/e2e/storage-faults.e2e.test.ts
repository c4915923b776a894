// ST-03 ST-05 ST-07: storages that fail in every way a bucket or a disk does, during a flush, a compaction and a read. Each is a coded error, nothing is lost, nothing is
// shown that is not so, and all goes on by itself when the storage does.
import { afterAll, afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Fault,
  S3_ACCESS_KEY,
  S3_BUCKET,
  S3_REGION,
  S3_SECRET_KEY,
  startS3,
  type TestS3,
} from "../support/s3-server.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

setDefaultTimeout(240_000);

const SETTINGS = { "storage.remote_timeouts.request_ms": 1_500 };

let s3: TestS3;
let server: TestServer;
let root: TestUser;

beforeEach(async () => {
  s3 = startS3();
  server = await startTestServer(SETTINGS);
  root = server.root;
  const credentials = JSON.stringify({ access_key_id: S3_ACCESS_KEY, secret_access_key: S3_SECRET_KEY });
  const config = JSON.stringify({ endpoint: s3.endpoint });
  await root.sql(
    `CREATE NAMESPACE app; CREATE STORAGE far TYPE s3 BUCKET 's3://${S3_BUCKET}/db' REGION '${S3_REGION}' CREDENTIALS '${credentials}' CONFIG '${config}'; CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'far'); CREATE SHARED TABLE app.near (id BIGINT PRIMARY KEY)`,
  );
});

afterEach(async () => {
  s3.fault = () => undefined;
  await server[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

type Row = readonly unknown[];

/** Status, message and id of the newest job of a type, once it has ended or has failed and waits. */
async function settled(type: string): Promise<Row> {
  const sql = `SELECT status, message, job_id FROM system.jobs WHERE job_type = '${type}' ORDER BY created_at DESC, job_id LIMIT 1`;
  for (;;) {
    const [row = []] = await root.rows(sql);
    const waits = row[0] === "pending" && String(row[1]).includes("failed");
    if (waits || !["pending", "running", undefined].includes(row[0] as string)) return row;
    await Bun.sleep(10);
  }
}

/** Runs it until it completes: the storage may still count as unreachable for some seconds. */
async function completes(sql: string, type: string): Promise<void> {
  for (;;) {
    await root.sql(sql);
    const [status, , id] = await settled(type);
    if (status === "completed") return;
    if (status === "pending") await root.sql(`KILL JOB '${String(id)}'`);
    await Bun.sleep(200);
  }
}

/** Nothing of a file is in memory then. */
async function restart(): Promise<void> {
  await server.stop();
  server = await startTestServer(SETTINGS, { folder: server.folder });
  root = server.root;
}

async function insertAndFlush(...ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    await root.sql(`INSERT INTO app.t VALUES (${id}, 'row ${id}')`);
    await completes("STORAGE FLUSH TABLE app.t", "flush");
  }
}

const segments = (): Promise<readonly Row[]> => root.rows("SELECT path FROM system.segments ORDER BY path");
const stored = (): string[] => [...s3.objects.keys()].filter((key) => key.endsWith(".parquet")).sort();
const SELECT = "SELECT id, body FROM app.t ORDER BY id";
const rowsOf = (...ids: readonly number[]): unknown => ids.map((id) => [String(id), `row ${id}`]);

/** What a broken storage may be answered with. */
const CODES = ["STORAGE_UNREACHABLE", "STORAGE_ERROR"];

async function expectBroken(): Promise<void> {
  const before = await segments();
  // Of what waits in the buffer nothing is lost, whatever becomes of the flush.
  await root.sql("STORAGE FLUSH TABLE app.t");
  const [flushed, why, flush] = await settled("flush");
  expect([flushed === "completed", String(why)]).toEqual([false, expect.stringContaining("Flush of app.t failed")]);
  if (flushed === "pending") await root.sql(`KILL JOB '${String(flush)}'`);
  await root.sql("STORAGE COMPACT TABLE app.t");
  const [compacted, , compaction] = await settled("compact");
  expect(compacted).not.toBe("completed");
  if (compacted === "pending") await root.sql(`KILL JOB '${String(compaction)}'`);
  expect(await segments()).toEqual(before);
  const error = await root.fails(SELECT);
  expect(CODES).toContain(error.reason ?? error.code);
  // Everything else works meanwhile.
  await root.sql("INSERT INTO app.near VALUES (1) ON CONFLICT (id) DO NOTHING");
  expect<unknown>(await root.rows("SELECT id FROM app.near")).toEqual([["1"]]);
}

/** Each process finds out by itself that the storage answers again. */
async function rowsInTheEnd(): Promise<unknown> {
  for (;;) {
    const { status, results } = await root.send(SELECT);
    if (status === "success") return results.at(-1)?.rows;
    await Bun.sleep(200);
  }
}

async function expectWhole(...ids: readonly number[]): Promise<void> {
  await completes("STORAGE FLUSH TABLE app.t", "flush").catch(() => undefined);
  await completes("STORAGE COMPACT TABLE app.t", "compact");
  expect<unknown>(await rowsInTheEnd()).toEqual(rowsOf(...ids));
  const paths = (await segments()).map(([path]) => String(path).replace("@far/", "db/"));
  for (const path of paths) expect(stored()).toContain(path);
}

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["answers 500", "500"],
  ["answers 503", "503"],
  ["answers 403", "403"],
  ["does not answer in time", "hang"],
];

test.each([...FAULTS])(
  "ST-03 ST-05 a bucket that %s costs no row, in no operation, and no restart",
  async (_what, fault) => {
    await insertAndFlush(1, 2);
    await root.sql("INSERT INTO app.t VALUES (3, 'row 3')");
    s3.fault = ({ key }) => (key.includes("segment") ? fault : undefined);
    await expectBroken();
    s3.fault = () => undefined;
    await expectWhole(1, 2, 3);
  },
);

test("ST-03 ST-05 a bucket that cannot be reached costs no row, in no operation, and no restart", async () => {
  await insertAndFlush(1, 2);
  await root.sql("INSERT INTO app.t VALUES (3, 'row 3')");
  await s3.stop();
  await expectBroken();
  s3.start();
  await expectWhole(1, 2, 3);
});

test("ST-05 an object whose bytes were changed, or cut short on the way, is an error and is read again when it is whole", async () => {
  await insertAndFlush(1, 2);
  const [first = ""] = stored();
  const bytes = s3.objects.get(first) ?? new Uint8Array();
  for (const at of [10, bytes.length >> 1, bytes.length - 20]) {
    s3.objects.set(
      first,
      bytes.map((byte, index) => (index === at ? byte ^ 4 : byte)),
    );
    await restart();
    const error = await root.fails(SELECT);
    expect([error.reason ?? error.code, error.message]).toEqual(["STORAGE_ERROR", expect.stringContaining("app.t")]);
    const before = await segments();
    await root.sql("STORAGE COMPACT TABLE app.t");
    const [status, , id] = await settled("compact");
    expect(status).not.toBe("completed");
    if (status === "pending") await root.sql(`KILL JOB '${String(id)}'`);
    expect(await segments()).toEqual(before);
    s3.objects.set(first, bytes);
    expect<unknown>(await rowsInTheEnd()).toEqual(rowsOf(1, 2));
  }
  await restart();
  s3.fault = ({ method, key }) => (method === "GET" && key.includes("segment") ? "truncate" : undefined);
  const short = await root.fails(SELECT);
  expect(CODES).toContain(short.reason ?? short.code);
  s3.fault = () => undefined;
  await expectWhole(1, 2);
});

const mountPoint = mkdtempSync(join(tmpdir(), "kalamdb-faults-"));
const canMount =
  process.platform === "linux" &&
  Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mountPoint], { stderr: "ignore" }).exitCode === 0;
afterAll(() => {
  if (canMount) Bun.spawnSync(["umount", "-l", mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});
const skipped = canMount ? "" : " (skipped: no file system can be mounted here)";

test.skipIf(!canMount)(
  `ST-03 ST-05 a storage on a disk that is full, then read-only, loses nothing and is written to again without a restart${skipped}`,
  async () => {
    mkdirSync(join(mountPoint, "disk"));
    await root.sql(
      `CREATE STORAGE disk TYPE filesystem PATH '${join(mountPoint, "disk")}'; CREATE SHARED TABLE app.d (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'disk')`,
    );
    const count = async (): Promise<unknown> =>
      (await root.rows("SELECT count(*) FROM app.d WHERE body <> ''"))[0]?.[0];
    const fails = async (): Promise<string> => {
      await root.sql("STORAGE FLUSH TABLE app.d");
      const [status, , id] = await settled("flush");
      expect(status).not.toBe("completed");
      if (status === "pending") await root.sql(`KILL JOB '${String(id)}'`);
      const [[trace] = []] = await root.rows("SELECT exception_trace FROM system.jobs WHERE job_id = $1", [id]);
      return String(trace);
    };
    await root.sql("INSERT INTO app.d SELECT n, 'x' FROM generate_series(1, 100) AS s(n)");
    await completes("STORAGE FLUSH TABLE app.d", "flush");
    await root.sql("INSERT INTO app.d SELECT n, gen_random_uuid()::text FROM generate_series(101, 3000) AS s(n)");
    expect(() => writeFileSync(join(mountPoint, "filler"), new Uint8Array(3_000_000))).toThrow("ENOSPC");
    expect(await fails()).toContain("full");
    expect(await count()).toBe("3000");
    rmSync(join(mountPoint, "filler"));
    await completes("STORAGE FLUSH TABLE app.d", "flush");
    await root.sql("INSERT INTO app.d VALUES (3001, 'x')");
    expect(Bun.spawnSync(["mount", "-o", "remount,ro", mountPoint]).exitCode).toBe(0);
    expect(await fails()).toMatch(/EROFS|read-only/i);
    await root.sql("INSERT INTO app.d VALUES (3002, 'x')");
    expect(await count()).toBe("3002");
    expect(Bun.spawnSync(["mount", "-o", "remount,rw", mountPoint]).exitCode).toBe(0);
    await completes("STORAGE FLUSH TABLE app.d", "flush");
    await completes("STORAGE COMPACT TABLE app.d", "compact");
    expect(await count()).toBe("3002");
  },
);
