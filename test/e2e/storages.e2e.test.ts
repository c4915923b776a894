import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let root: TestUser;
let outside: string;

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "kalamdb-storages-"));
  server = await startTestServer();
  root = server.root;
  await root.sql("CREATE NAMESPACE app");
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(outside, { recursive: true, force: true });
});

/** Code and message of a statement that must fail. */
async function failure(
  sql: string,
  user: TestUser = root,
): Promise<{ readonly code: string; readonly message: string }> {
  const { code, reason, message } = await user.fails(sql);
  return { code: reason ?? code, message: message.replace("Statement 1 failed: ", "") };
}

function parquetBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".parquet"))
    .map((name) => name.replace(/segment-\d+-\w+-1/, "segment-N"));
}

describe("a filesystem storage", () => {
  test("ST-07 is made, shown and checked, holds the rows of its tables, and serves them after a restart", async () => {
    expect((await root.sql(`CREATE STORAGE archive TYPE filesystem NAME 'Archive' PATH '${outside}/a'`)).message).toBe(
      "Storage 'archive' created successfully",
    );
    await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT) WITH (STORAGE_ID = 'archive')");
    const alice = await server.user("alice");
    await alice.sql("INSERT INTO app.notes VALUES (1, 'one'), (2, 'two')");
    await root.job("STORAGE FLUSH TABLE app.notes");
    expect(parquetBelow(join(outside, "a"))).toHaveLength(1);
    expect(parquetBelow(join(outside, "a"))[0]).toMatch(/^app\/notes-\d+\/alice\/segment-N\.parquet$/);
    expect(parquetBelow(join(server.folder, "storage"))).toEqual([]);
    expect(await alice.rows("SELECT id, body FROM app.notes ORDER BY id")).toEqual([
      ["1", "one"],
      ["2", "two"],
    ]);
    expect(await root.rows("SELECT storage_id, row_count FROM system.segments")).toEqual([["archive", "2"]]);
    expect(
      await root.rows("SELECT storage_id, storage_name, storage_type, base_directory FROM system.storages"),
    ).toEqual([
      ["local", "Local Filesystem", "filesystem", join(server.folder, "storage")],
      ["archive", "Archive", "filesystem", join(outside, "a")],
    ]);
    const check = await root.rows("STORAGE CHECK archive EXTENDED");
    expect(check[0]?.slice(0, 6)).toEqual(["archive", "healthy", true, true, true, true]);
    expect(Number(check[0]?.[7])).toBeGreaterThan(0);
    expect(Number(check[0]?.[8])).toBeGreaterThan(100);
    expect((await root.rows("STORAGE CHECK local"))[0]?.slice(0, 2)).toEqual(["local", "healthy"]);

    const { folder } = server;
    await server.stop();
    const again = await startTestServer({}, { folder });
    try {
      const back = await again.login("alice", "pass-word-alice-1");
      expect(await back.rows("SELECT count(*) FROM app.notes")).toEqual([["2"]]);
      expect(parquetBelow(join(outside, "a"))).toHaveLength(1);
    } finally {
      await again[Symbol.asyncDispose]();
    }
  });

  test("ST-07 goes only when nothing uses it; the refusal counts and names what does", async () => {
    await root.sql(`CREATE STORAGE archive TYPE filesystem PATH '${outside}/a'`);
    expect((await failure(`CREATE STORAGE archive TYPE filesystem PATH '${outside}/b'`)).code).toBe("ALREADY_EXISTS");
    for (const name of ["a", "b"]) {
      await root.sql(`CREATE TABLE app.${name} (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'archive')`);
    }
    expect((await failure("DROP STORAGE archive")).message).toBe(
      "Cannot drop storage 'archive': 2 table(s) still using it: app.a, app.b",
    );
    await root.sql("DROP TABLE app.a");
    await root.sql("CREATE USER 'bob' WITH PASSWORD 'pass-word-bob-1' ROLE user");
    await root.sql("ALTER USER bob SET STORAGE_ID 'archive'");
    expect((await failure("DROP STORAGE archive")).message).toBe(
      "Cannot drop storage 'archive': 1 table(s) still using it: app.b; 1 user(s) still using it: bob",
    );
    await root.sql("DROP TABLE app.b");
    expect((await failure("DROP STORAGE archive")).message).toBe(
      "Cannot drop storage 'archive': 1 user(s) still using it: bob",
    );
    await root.sql("ALTER USER bob SET STORAGE_ID NULL");
    expect((await root.sql("DROP STORAGE archive")).message).toBe("Storage 'archive' dropped successfully");
    expect((await root.sql("DROP STORAGE IF EXISTS archive")).message).toBe(
      "Storage 'archive' does not exist (skipped)",
    );
    expect((await failure("DROP STORAGE archive")).code).toBe("NOT_FOUND");
    expect((await failure("DROP STORAGE local")).code).toBe("DEPENDENT_OBJECTS");
    const options = "WITH (STORAGE_ID = 'archive')";
    expect((await failure(`CREATE TABLE app.c (id BIGINT PRIMARY KEY) ${options}`)).message).toBe(
      "Storage 'archive' does not exist",
    );
  });

  test("ST-07 with another template puts new files elsewhere and goes on reading the old ones", async () => {
    await root.sql(`CREATE STORAGE archive TYPE filesystem PATH '${outside}/a'`);
    await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'archive')");
    await root.sql("INSERT INTO app.t VALUES (1)");
    await root.job("STORAGE FLUSH TABLE app.t");
    await root.sql("ALTER STORAGE archive SET SHARED_TABLES_TEMPLATE 'v2/{namespace}/{tableName}' SET NAME 'New'");
    await root.sql("INSERT INTO app.t VALUES (2)");
    await root.job("STORAGE FLUSH TABLE app.t");
    expect(new Set(parquetBelow(join(outside, "a")).map((path) => path.split("/")[0]))).toEqual(new Set(["app", "v2"]));
    expect(await root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
    const moved = await failure(`ALTER STORAGE archive SET PATH '${outside}/b'`);
    expect(moved.code).toBe("DEPENDENT_OBJECTS");
    expect(moved.message).toBe("Cannot move storage 'archive': 2 file(s) of flushed rows lie in it");
    expect(await root.rows("SELECT count(*) FROM app.t")).toEqual([["2"]]);
  });

  test("ST-07 that was copied with everything in it can be moved there", async () => {
    await root.sql(`CREATE STORAGE archive TYPE filesystem PATH '${outside}/a'`);
    await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'archive')");
    await root.sql("INSERT INTO app.t VALUES (1)");
    await root.job("STORAGE FLUSH TABLE app.t");
    await Bun.$`cp -r ${outside}/a ${outside}/b`.quiet();
    // Flushed since: the copy is not whole.
    await root.sql("INSERT INTO app.t VALUES (0)");
    await root.job("STORAGE FLUSH TABLE app.t");
    const early = await failure(`ALTER STORAGE archive SET PATH '${outside}/b'`);
    expect(early.code).toBe("DEPENDENT_OBJECTS");
    expect(early.message).toContain("1 of the 2 file(s) that rows need are not at the new place");
    await Bun.$`cp -r ${outside}/a/. ${outside}/b`.quiet();
    await root.sql(`ALTER STORAGE archive SET PATH '${outside}/b'`);
    await rm(join(outside, "a"), { recursive: true });
    expect(await root.rows("SELECT count(*) FROM app.t")).toEqual([["2"]]);
    // Not only from what a query process kept.
    await root.sql("INSERT INTO app.t VALUES (2)");
    await root.job("STORAGE FLUSH TABLE app.t");
    expect(await root.rows("SELECT count(*) FROM app.t")).toEqual([["3"]]);
    expect(parquetBelow(join(outside, "b"))).toHaveLength(3);
  });

  test("ST-07 is a user's own where table and user allow it; what lies elsewhere stays readable", async () => {
    await root.sql(
      `CREATE STORAGE eu TYPE filesystem PATH '${outside}/eu' USER_TABLES_TEMPLATE '{namespace}/{tableName}/{shard}/{userId}'`,
    );
    await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY) WITH (USE_USER_STORAGE = TRUE)");
    await root.sql("CREATE USER TABLE app.fixed (id BIGINT PRIMARY KEY)");
    const alice = await server.user("alice");
    const write = async (id: number): Promise<void> => {
      for (const table of ["notes", "fixed"]) {
        await alice.sql(`INSERT INTO app.${table} VALUES (${id})`);
        await root.job(`STORAGE FLUSH TABLE app.${table}`);
      }
    };
    await write(1);
    await root.sql("ALTER USER alice SET STORAGE_ID 'eu'");
    await write(2);
    expect(parquetBelow(join(outside, "eu"))).toEqual([]);
    await root.sql("ALTER USER alice SET STORAGE_MODE REGION");
    await write(3);
    expect(parquetBelow(join(outside, "eu"))).toHaveLength(1);
    expect(parquetBelow(join(outside, "eu"))[0]).toMatch(/^app\/notes-\d+\/a\/alice\/segment-N\.parquet$/);
    for (const table of ["notes", "fixed"]) {
      expect(await alice.rows(`SELECT id FROM app.${table} ORDER BY id`)).toEqual([["1"], ["2"], ["3"]]);
    }
    expect(await root.rows("SELECT storage_mode, storage_id FROM system.users WHERE user_id = 'alice'")).toEqual([
      ["region", "eu"],
    ]);
    expect((await failure("DROP STORAGE eu")).message).toContain("1 table(s) still using it: app.notes");
    expect((await failure("ALTER USER alice SET STORAGE_ID 'mars'")).code).toBe("NOT_FOUND");
  });

  test("ST-03 loses a dropped table's files, wherever they were", async () => {
    await root.sql(`CREATE STORAGE eu TYPE filesystem PATH '${outside}/eu'`);
    await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'eu')");
    await root.sql("INSERT INTO app.t VALUES (1)");
    await root.job("STORAGE FLUSH TABLE app.t");
    expect(parquetBelow(outside)).toHaveLength(1);
    await root.sql("DROP TABLE app.t");
    expect((await root.sql("DROP STORAGE eu")).message).toBe("Storage 'eu' dropped successfully");
    expect(parquetBelow(outside)).toEqual([]);
  });
});

describe("places", () => {
  const refused = async (path: string): Promise<string> =>
    (await failure(`CREATE STORAGE x TYPE filesystem PATH '${path}'`)).code;

  test("AU-05 a path that is no plain folder is refused", async () => {
    for (const path of [
      "",
      "/",
      "..",
      "../x",
      "a/../../b",
      "/tmp/../etc",
      "/tmp//x",
      "a\\b",
      "./x",
      "/tmp/x\u0007",
      "@far",
    ]) {
      expect(`${path} ${await refused(path)}`).toBe(`${path} INVALID_INPUT`);
    }
    expect(await root.rows("SELECT count(*) FROM system.storages")).toEqual([["1"]]);
  });

  test("AU-05 no storage lies in a folder of the operating system, not through a link either", async () => {
    symlinkSync("/etc", join(outside, "etc"));
    for (const path of ["/etc/kalamdb", "/proc/kalamdb", "/usr/lib", join(outside, "etc", "kalamdb")]) {
      expect(`${path} ${await refused(path)}`).toBe(`${path} INVALID_INPUT`);
    }
    expect(existsSync("/etc/kalamdb")).toBe(false);
  });

  test("AU-05 no storage lies in, on or around another or the data folder, not through a link either", async () => {
    await root.sql(`CREATE STORAGE a TYPE filesystem PATH '${outside}/a'`);
    mkdirSync(join(outside, "links"));
    symlinkSync(join(outside, "a"), join(outside, "links", "a"));
    for (const path of [`${outside}/a`, `${outside}/a/b`, outside, `${outside}/links/a`, `${outside}/links/a/new`]) {
      expect(`${path} ${await refused(path)}`).toBe(`${path} INVALID_INPUT`);
    }
    for (const path of [server.folder, join(server.folder, "storage"), join(server.folder, "x"), tmpdir()]) {
      expect(`${path} ${await refused(path)}`).toBe(`${path} INVALID_INPUT`);
    }
    // A relative path lies in the data folder, where there is room for it.
    await root.sql("CREATE STORAGE inner TYPE filesystem PATH 'inner/one'");
    expect(existsSync(join(server.folder, "storages/inner/one"))).toBe(true);
    expect(await refused("inner")).toBe("INVALID_INPUT");
  });

  test("ST-07 a folder that cannot be written to is refused before anything is written down", async () => {
    writeFileSync(join(outside, "file"), "");
    const failed = await failure(`CREATE STORAGE x TYPE filesystem PATH '${outside}/file/x'`);
    expect(failed.code).toBe("STORAGE_UNREACHABLE");
    expect(await root.rows("SELECT count(*) FROM system.storages")).toEqual([["1"]]);
  });

  test("ST-07 a place that bears another database's mark is refused", async () => {
    await root.sql(`CREATE STORAGE a TYPE filesystem PATH '${outside}/a'`);
    await using other = await startTestServer();
    const failed = await failure(`CREATE STORAGE mine TYPE filesystem PATH '${outside}/a'`, other.root);
    expect(failed.code).toBe("INVALID_INPUT");
    expect(failed.message).toContain("belongs to another database");
    expect(readFileSync(join(outside, "a/_kalamdb_storage.json"), "utf8")).toContain('"storage":"a"');
  });
});

test("ST-03 a storage that bears another database's mark is neither swept nor written to; what lies in it stays readable", async () => {
  await root.sql(`CREATE STORAGE a TYPE filesystem PATH '${outside}/a'`);
  await root.sql("CREATE TABLE app.t (id BIGINT PRIMARY KEY) WITH (STORAGE_ID = 'a')");
  await root.sql("INSERT INTO app.t VALUES (1)");
  await root.job("STORAGE FLUSH TABLE app.t");
  const orphan = join(outside, "a/app/t-1/segment-1.parquet");
  mkdirSync(join(outside, "a/app/t-1"), { recursive: true });
  const { folder } = server;
  await server.stop();
  writeFileSync(orphan, "theirs");
  writeFileSync(join(outside, "a/_kalamdb_storage.json"), '{"epoch":"somebody-else","storage":"a"}');
  await using again = await startTestServer({}, { folder });
  await again.root.sql("INSERT INTO app.t VALUES (2)");
  await again.root.sql("STORAGE FLUSH TABLE app.t");
  const isRefused = async (): Promise<boolean> =>
    JSON.stringify(await again.root.rows("SELECT * FROM system.jobs")).includes("belongs to another database");
  while (!(await isRefused())) await Bun.sleep(20);
  expect(await again.root.rows("SELECT id FROM app.t ORDER BY id")).toEqual([["1"], ["2"]]);
  expect(await again.root.rows("SELECT count(*) FROM system.segments")).toEqual([["1"]]);
  expect(readFileSync(orphan, "utf8")).toBe("theirs");
});

test("AU-03 storages are for administrators; users see that they are there, not where", async () => {
  await root.sql(`CREATE STORAGE a TYPE filesystem PATH '${outside}/a'`);
  const alice = await server.user("alice");
  for (const sql of [
    "CREATE STORAGE b TYPE filesystem PATH 'b'",
    "ALTER STORAGE a SET NAME 'x'",
    "DROP STORAGE a",
    "STORAGE CHECK a",
    "SELECT * FROM system.storages",
  ]) {
    expect(`${sql} ${(await failure(sql, alice)).code}`).toBe(`${sql} PERMISSION_DENIED`);
  }
  const shown = await alice.sql("SHOW STORAGES");
  expect(shown.rows?.map((row) => row[0])).toEqual(["local", "a"]);
  expect(JSON.stringify(shown)).not.toContain(outside);
  expect(JSON.stringify(await root.sql("SHOW STORAGES"))).toContain(outside);
});
