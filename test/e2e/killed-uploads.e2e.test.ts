// ST-08: KILL JOB while a bucket does not answer. The server waits two minutes for an answer, so what ends before that was given up.
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  S3_ACCESS_KEY,
  S3_BUCKET,
  S3_REGION,
  S3_SECRET_KEY,
  type S3Request,
  startS3,
  type TestS3,
} from "../support/s3-server.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(240_000);

let s3: TestS3;
let server: TestServer;
let root: TestUser;

beforeEach(async () => {
  s3 = startS3();
  server = await startTestServer({ "storage.remote_timeouts.request_ms": 120_000, "compaction.enabled": false });
  root = server.root;
  const credentials = JSON.stringify({ access_key_id: S3_ACCESS_KEY, secret_access_key: S3_SECRET_KEY });
  const config = JSON.stringify({ endpoint: s3.endpoint });
  await root.sql("CREATE NAMESPACE app");
  await root.sql(
    `CREATE STORAGE far TYPE s3 BUCKET 's3://${S3_BUCKET}/db' REGION '${S3_REGION}' CREDENTIALS '${credentials}' CONFIG '${config}'`,
  );
  await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'far')");
});
afterEach(async () => {
  s3.goOn();
  await server[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
});

async function startJob(sql: string): Promise<string> {
  const { message = "" } = await root.sql(sql);
  return /Job ID: (.*)$/.exec(message)?.[1] ?? message;
}

async function statusOf(id: string): Promise<unknown> {
  return (await root.rows("SELECT status FROM system.jobs WHERE job_id = $1", [id]))[0]?.[0];
}

async function flush(): Promise<void> {
  const id = await startJob("STORAGE FLUSH TABLE app.t");
  await until(async () => (await statusOf(id)) === "completed", "the flush");
}

/** Kills the job once it waits for an answer to such a request; later ones are answered. */
async function killAt(isHeld: (request: S3Request) => boolean, sql: string): Promise<string> {
  s3.requests.splice(0);
  s3.fault = (request) => (isHeld(request) ? "slow" : undefined);
  const id = await startJob(sql);
  await until(() => s3.requests.some(isHeld), "the request");
  await root.sql(`KILL JOB '${id}'`);
  await until(async () => (await statusOf(id)) === "cancelled", "the end of the job");
  s3.fault = () => undefined;
  return id;
}

const parquet = (): string[] => [...s3.objects.keys()].filter((key) => key.endsWith(".parquet")).sort();

async function named(): Promise<string[]> {
  const paths = await root.rows("SELECT path FROM system.segments ORDER BY path");
  return paths.map(([path]) => String(path).replace("@far/", "db/"));
}

const isOfSegment = ({ key }: S3Request): boolean => key.endsWith(".parquet");

test.each(["PUT", "HEAD"])(
  "ST-08 a flush whose bucket does not answer a %s is ended by KILL JOB, and leaves rows and no object",
  async (method) => {
    await root.sql("INSERT INTO app.t VALUES (1, 'one')");
    await killAt((request) => request.method === method && isOfSegment(request), "STORAGE FLUSH TABLE app.t");
    expect(await root.rows("SELECT count(*) FROM system.segments")).toEqual([["0"]]);
    await root.sql("INSERT INTO app.t VALUES (2, 'two')");
    await flush();
    expect(await named()).toHaveLength(1);
    s3.goOn();
    await until(async () => s3.requests.filter(({ method: done }) => done === "DELETE").length > 0, "the removal");
    await until(async () => parquet().join() === (await named()).join(), "only what is named");
    expect(await root.rows("SELECT id, body FROM app.t ORDER BY id")).toEqual([
      ["1", "one"],
      ["2", "two"],
    ]);
  },
);

test.each(["GET", "PUT"])(
  "ST-08 a compaction whose bucket does not answer a %s is ended by KILL JOB, and leaves the files as they were",
  async (method) => {
    for (const id of [1, 2]) {
      await root.sql(`INSERT INTO app.t VALUES (${id}, 'x')`);
      await flush();
    }
    const before = await named();
    await killAt((request) => request.method === method && isOfSegment(request), "STORAGE COMPACT TABLE app.t");
    expect(await named()).toEqual(before);
    s3.goOn();
    const again = await startJob("STORAGE COMPACT TABLE app.t");
    await until(async () => (await statusOf(again)) === "completed", "another compaction");
    expect(await root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
    await until(
      async () =>
        parquet()
          .filter((key) => !before.includes(key))
          .join() === (await named()).join(),
      "only what is named",
    );
    expect(await named()).toHaveLength(1);
  },
);
