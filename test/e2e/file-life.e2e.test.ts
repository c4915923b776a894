// TB-04: files beside everything else that happens to rows: live queries, flush, compaction, restart, dropped users, other storages.
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type FileRef, type KalamClient, parseFileRef } from "../../src/link/index.ts";
import { readZip } from "../support/read-zip.ts";
import { S3_ACCESS_KEY, S3_BUCKET, S3_REGION, S3_SECRET_KEY, startS3 } from "../support/s3-server.ts";
import { ROOT_PASSWORD, startTestServer, type TestServer } from "../support/test-server.ts";

/** Servers are started, maybe on a busy machine. */
function clientOf(server: TestServer, user = "root", password = ROOT_PASSWORD): KalamClient {
  return createClient({ url: server.url, auth: { user, password } });
}

const text = (content: string): File => new File([content], "note.txt", { type: "text/plain" });

async function refs(client: KalamClient, table: string): Promise<readonly FileRef[]> {
  const { rows } = await client.query(`SELECT doc FROM ${table} ORDER BY id`);
  return rows.flatMap((row) => parseFileRef(row["doc"] ?? null) ?? []);
}

async function contents(client: KalamClient, table: string): Promise<readonly string[]> {
  const blobs = (await refs(client, table)).map((ref) => client.download(table, ref));
  return Promise.all(blobs.map(async (blob) => (await blob).text()));
}

test("TB-04 TB-09 files outlive flush, compaction, renamed columns and a restart; an update lets go of the old one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-files-"));
  try {
    for (const round of [1, 2]) {
      await using server = await startTestServer({}, { folder });
      await using client = clientOf(server);
      if (round === 1) {
        await client.batch("CREATE NAMESPACE app; CREATE USER TABLE app.docs (id INT PRIMARY KEY, doc FILE)");
        const insert = "INSERT INTO app.docs (id, doc) VALUES ($1, FILE('f'))";
        for (const id of [1, 2, 3]) {
          await client.queryWithFiles(insert, { f: text(`file ${id}`) }, [id]);
          await server.root.job("STORAGE FLUSH TABLE app.docs");
        }
        await server.root.job("STORAGE COMPACT TABLE app.docs");
        const [, second] = await refs(client, "app.docs");
        await client.queryWithFiles("UPDATE app.docs SET doc = FILE('f') WHERE id = 2", { f: text("newer") });
        await client.query("DELETE FROM app.docs WHERE id = 3");
        if (second === undefined) throw new Error("no second file");
        expect(client.download("app.docs", second)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
        // A column keeps its files under another name.
        await client.batch(
          "ALTER TABLE app.docs RENAME COLUMN doc TO scan; ALTER TABLE app.docs RENAME COLUMN scan TO doc",
        );
      }
      expect(await contents(client, "app.docs")).toEqual(["file 1", "newer"]);
      await server.root.job("STORAGE FLUSH TABLE app.docs");
      expect(await contents(client, "app.docs")).toEqual(["file 1", "newer"]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("TB-04 LQ-10 a live query tells of the file that came with a row, and its filter reads it", async () => {
  await using server = await startTestServer();
  await using client = clientOf(server);
  await client.batch("CREATE NAMESPACE app; CREATE SHARED TABLE app.docs (id INT PRIMARY KEY, doc FILE)");
  const live = client.live("SELECT id, doc FROM app.docs WHERE doc ->> 'mime' = 'text/plain'");
  await live.ready;
  await client.queryWithFiles("INSERT INTO app.docs VALUES (1, FILE('f'))", { f: text("one") });
  await client.queryWithFiles("INSERT INTO app.docs VALUES (2, FILE('f'))", {
    f: new File(["<svg/>"], "a.svg", { type: "image/svg+xml" }),
  });
  await client.queryWithFiles("INSERT INTO app.docs VALUES (3, FILE('f'))", { f: text("three") });
  while (live.rows().length < 2) await Bun.sleep(5);
  const shown = live.rows().map((row) => parseFileRef(row["doc"] ?? null));
  expect(live.rows().map((row) => row["id"])).toEqual([1, 3]);
  const [first] = shown;
  if (!first) throw new Error("no reference");
  expect(await (await client.download("app.docs", first)).text()).toBe("one");
});

test("TB-10 a dropped user's files go with the user", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-files-"));
  const start = (): Promise<TestServer> =>
    startTestServer({ "user_management.deletion_grace_period_days": 0 }, { folder });
  const stored = (): readonly string[] =>
    readdirSync(join(folder, "storage"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".txt"));
  try {
    {
      await using server = await start();
      await server.root.sql("CREATE NAMESPACE app");
      await server.root.sql("CREATE USER TABLE app.docs (id INT PRIMARY KEY, doc FILE)");
      await server.user("alice");
      for (const client of [clientOf(server, "alice", "pass-word-alice-1"), clientOf(server)]) {
        await client.queryWithFiles("INSERT INTO app.docs VALUES (1, FILE('f'))", { f: text("mine") });
      }
      await server.root.sql("DROP USER 'alice'");
      expect(stored()).toHaveLength(2);
    }
    // The look that finds what is due is taken at a start, and each minute.
    {
      await using server = await start();
      while ((await server.root.rows("SELECT user_id FROM system.users WHERE user_id = 'alice'")).length > 0) {
        await Bun.sleep(10);
      }
    }
    await using server = await start();
    while (stored().length > 1) await Bun.sleep(10);
    expect(await contents(clientOf(server), "app.docs")).toEqual(["mine"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("ST-07 files of a table in an S3 storage are objects of its bucket", async () => {
  await using s3 = startS3({ pageKeys: 5 });
  await using server = await startTestServer();
  await using client = clientOf(server);
  await client.query(createS3Storage(s3.endpoint));
  await client.batch(
    "CREATE NAMESPACE app; CREATE USER TABLE app.docs (id INT PRIMARY KEY, doc FILE) WITH (STORAGE_ID = 'far')",
  );
  await client.queryWithFiles("INSERT INTO app.docs VALUES (1, FILE('f'))", { f: text("far away") });
  expect(await contents(client, "app.docs")).toEqual(["far away"]);
  const local = join(server.folder, "storage");
  const here = existsSync(local) ? readdirSync(local, { recursive: true, encoding: "utf8" }) : [];
  expect(here.filter((name) => name.endsWith(".txt"))).toEqual([]);
  expect([...s3.objects.keys()].filter((key) => key.endsWith("-note.txt"))).toHaveLength(1);
  s3.fault = () => "403";
  const failed = client.queryWithFiles("INSERT INTO app.docs VALUES (2, FILE('f'))", { f: text("lost") });
  expect(failed).rejects.toThrow();
  await failed.catch(() => undefined);
  s3.fault = () => undefined;
  expect(await contents(client, "app.docs")).toEqual(["far away"]);
});

test("OP-03 an export and a backup have the files that rows hold, and a restore gives them back", async () => {
  const at = await mkdtemp(join(tmpdir(), "kalamdb-files-"));
  try {
    await using s3 = startS3({ pageKeys: 5 });
    await using server = await startTestServer();
    await using client = clientOf(server);
    await client.query(createS3Storage(s3.endpoint));
    await client.batch(
      "CREATE NAMESPACE app; CREATE USER TABLE app.near (id INT PRIMARY KEY, doc FILE); CREATE USER TABLE app.far (id INT PRIMARY KEY, doc FILE) WITH (STORAGE_ID = 'far')",
    );
    for (const table of ["app.near", "app.far"]) {
      for (const id of [1, 2]) {
        const insert = `INSERT INTO ${table} VALUES ($1, FILE('f'))`;
        await client.queryWithFiles(insert, { f: text(`${table} ${id}`) }, [id]);
      }
      await client.query(`DELETE FROM ${table} WHERE id = 2`);
    }
    await server.root.job("EXPORT USER DATA");
    const [[, , , , url] = []] = await server.root.rows("SHOW EXPORT");
    const zip = await fetch(String(url), { headers: { authorization: `Bearer ${server.root.token}` } });
    const entries = readZip(Buffer.from(await zip.arrayBuffer()));
    const exported = Object.entries(entries).filter(([name]) => name.endsWith(".txt"));
    expect(exported.map(([name, content]) => [name.replace(/\d+-/, ""), content])).toEqual([
      ["app.near/note.txt", "app.near 1"],
      ["app.far/note.txt", "app.far 1"],
    ]);

    const [backup, folder] = [join(at, "backup"), join(at, "data")];
    await server.root.job(`BACKUP DATABASE TO '${backup}'`);
    const main = new URL("../../src/main.ts", import.meta.url).pathname;
    const command = [process.execPath, main, "restore", "--from", backup, "--data-dir", folder];
    expect(await Bun.spawn(command, { stdout: "ignore", stderr: "inherit" }).exited).toBe(0);
    await using restored = await startTestServer({}, { folder });
    await using again = clientOf(restored);
    expect(await contents(again, "app.near")).toEqual(["app.near 1"]);
    expect(await contents(again, "app.far")).toEqual(["app.far 1"]);
  } finally {
    await rm(at, { recursive: true, force: true });
  }
});

function createS3Storage(endpoint: string): string {
  const credentials = JSON.stringify({ access_key_id: S3_ACCESS_KEY, secret_access_key: S3_SECRET_KEY });
  const place = `BUCKET 's3://${S3_BUCKET}/db' REGION '${S3_REGION}'`;
  return `CREATE STORAGE far TYPE s3 ${place} CREDENTIALS '${credentials}' CONFIG '${JSON.stringify({ endpoint })}'`;
}
