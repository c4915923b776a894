// TB-04: EMBEDDING columns, from a parameter to a file and back, their distances, and live queries by distance.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/link/index.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql(
    "DROP TABLE IF EXISTS app.documents; CREATE SHARED TABLE app.documents (id INT PRIMARY KEY, place EMBEDDING(3))",
  );
  await server.root.sql(
    "INSERT INTO app.documents VALUES (1, '[1,0,0]'), (2, '[0.5, 0.5, 0]'), (3, '[0,0,-2]'), (4, NULL)",
  );
});

const NEAREST = "SELECT id FROM app.documents WHERE place IS NOT NULL ORDER BY place <-> $1 LIMIT 2";

test.each(["buffered", "flushed"])(
  "TB-04 %s embeddings come back as lists of numbers, nearest first",
  async (where) => {
    const { root } = server;
    if (where === "flushed") await root.job("STORAGE FLUSH TABLE app.documents");
    expect(await root.rows("SELECT place FROM app.documents ORDER BY id")).toEqual([
      [[1, 0, 0]],
      [[0.5, 0.5, 0]],
      [[0, 0, -2]],
      [null],
    ]);
    expect(await root.rows(NEAREST, [[0.9, 0.1, 0]])).toEqual([[1], [2]]);
    expect(await root.rows(NEAREST, ["[0,0,-1]"])).toEqual([[3], [2]]);
    expect(
      await root.rows(
        "SELECT id, place <=> '[1,0,0]', place <#> '[1,0,0]', l1_distance(place, '[1,0,0]') FROM app.documents ORDER BY id",
      ),
    ).toEqual([
      [1, 0, -1, 0],
      [2, expect.closeTo(0.2928932, 6), -0.5, 1],
      [3, 1, 0, 3],
      [4, null, null, null],
    ]);
  },
);

test("TB-04 an embedding is updated, and a list of another length or of no numbers is refused", async () => {
  const { root } = server;
  await root.sql("UPDATE app.documents SET place = $1 WHERE id = 4", [[0.1, 0.2, 0.3]]);
  expect(await root.rows("SELECT place::text, vector_dims(place) FROM app.documents WHERE id = 4")).toEqual([
    ["[0.1,0.2,0.3]", 3],
  ]);
  const refused = async (sql: string, params: readonly unknown[] = []): Promise<string> => {
    const { error } = await root.send(sql, params);
    return `${error?.code}: ${error?.message}`;
  };
  expect(await refused("INSERT INTO app.documents VALUES (9, '[1,2]')")).toContain("expected 3 dimensions, not 2");
  expect(await refused("INSERT INTO app.documents VALUES (9, $1)", [[1, "x", 2]])).toContain('"x" is no 32-bit number');
  expect(await refused("INSERT INTO app.documents VALUES (9, $1)", [[1e300, 1, 2]])).toContain("is no 32-bit number");
  expect(await refused("INSERT INTO app.documents VALUES (9, 'cat')")).toContain(
    "invalid input syntax for type embedding",
  );
  expect(await refused("INSERT INTO app.documents VALUES (9, '[]')")).toContain("1 to 8192 dimensions, not 0");
  expect(await refused("SELECT id FROM app.documents ORDER BY place <-> '[1,2]'")).toContain(
    "different embedding dimensions 3 and 2",
  );
  expect(await refused("SELECT id FROM app.documents WHERE place = '[1,0,0]'")).toContain("operator does not exist");
  expect(await root.rows("SELECT count(*) FROM app.documents")).toEqual([["4"]]);
});

test.each(["json", "msgpack"] as const)("LQ-09 TB-04 a live query by distance, %s", async (format) => {
  await using client = createClient({ url: server.url, auth: { token: server.root.token }, format });
  const live = client.live("SELECT id, place FROM app.documents WHERE cosine_distance(place, '[1,0,0]') < 0.5");
  await live.ready;
  const places = (): unknown => live.rows().map((row) => [row["id"], row["place"]]);
  expect(places()).toEqual([
    [1, [1, 0, 0]],
    [2, [0.5, 0.5, 0]],
  ]);
  await server.root.sql("UPDATE app.documents SET place = '[2,0,0.25]' WHERE id = 3");
  await server.root.sql("UPDATE app.documents SET place = '[0,1,0]' WHERE id = 2");
  while (live.rows().length !== 2 || live.rows().some((row) => row["id"] === 2)) await Bun.sleep(2);
  expect(places()).toEqual([
    [1, [1, 0, 0]],
    [3, [2, 0, 0.25]],
  ]);
});

test("TB-04 the statement that SHOW CREATE shows makes the table again, whatever the type of a default", async () => {
  const { root } = server;
  const columns =
    "id INT PRIMARY KEY, place EMBEDDING(2) DEFAULT '[1,2]', day DATE DEFAULT '2024-02-29', raw BYTES DEFAULT X'00ff', n INT DEFAULT -1";
  await root.sql(`CREATE SHARED TABLE app.defaults (${columns})`);
  const shown = async (): Promise<string> => String((await root.rows("SHOW CREATE TABLE app.defaults"))[0]?.[1]);
  const statement = await shown();
  await root.sql("DROP TABLE app.defaults");
  await root.sql(statement);
  expect(await shown()).toBe(statement);
  await root.sql("INSERT INTO app.defaults (id) VALUES (1)");
  expect(await root.rows("SELECT place, day::text, raw, n, to_jsonb(place) FROM app.defaults")).toEqual([
    [[1, 2], "2024-02-29", [0, 255], -1, "[1, 2]"],
  ]);
});

test("TB-04 ST-04 OP-03 embeddings of several files read the same after a merge, and after a backup was restored", async () => {
  await using own = await startTestServer();
  const { root } = own;
  await root.sql("CREATE NAMESPACE app; CREATE SHARED TABLE app.maps (id INT PRIMARY KEY, place EMBEDDING(3))");
  await root.sql("INSERT INTO app.maps VALUES (1, '[1,0,0]'), (2, NULL), (3, '[0,0,-2]')");
  await root.job("STORAGE FLUSH TABLE app.maps");
  await root.sql("UPDATE app.maps SET place = '[0.5,0.25,4]' WHERE id = 2; DELETE FROM app.maps WHERE id = 1");
  await root.job("STORAGE FLUSH TABLE app.maps");
  const rows = [
    [2, [0.5, 0.25, 4]],
    [3, [0, 0, -2]],
  ];
  const read = "SELECT id, place FROM app.maps ORDER BY id";
  expect<unknown>(await root.rows(read)).toEqual(rows);
  await root.job("STORAGE COMPACT TABLE app.maps");
  expect<unknown>(await root.rows(read)).toEqual(rows);
  expect<unknown>(await root.rows("SELECT place FROM app.maps WHERE id = 3")).toEqual([[[0, 0, -2]]]);
  expect(await root.rows("SELECT count(*), count(place) FROM app.maps WHERE place IS NOT NULL")).toEqual([["2", "2"]]);

  const folder = await mkdtemp(join(tmpdir(), "kalamdb-embedding-"));
  await root.job(`BACKUP DATABASE TO '${join(folder, "backup")}'`);
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const data = join(folder, "data");
  const restore = Bun.spawn([process.execPath, main, "restore", "--from", join(folder, "backup"), "--data-dir", data]);
  expect(await restore.exited).toBe(0);
  {
    await using restored = await startTestServer({}, { folder: data });
    expect<unknown>(await restored.root.rows(read)).toEqual(rows);
  }
  await rm(folder, { recursive: true });
});
