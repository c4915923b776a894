// TRUNCATE of more rows than are deleted one by one: one commit for readers, live queries, resumes, uploaded files and whoever writes meanwhile.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const ROWS = 21_000;

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.liveQueriesEnd();
  await server.root.sql("DROP NAMESPACE IF EXISTS app");
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await server.root.sql(
    "CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, label TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
});

async function fill(user: TestUser, table: string): Promise<void> {
  for (let from = 1; from <= ROWS; from += 10_000) {
    const to = Math.min(from + 9_999, ROWS);
    await user.sql(`INSERT INTO ${table} SELECT g, 'row ' || g FROM generate_series(${from}, ${to}) AS g`);
  }
}

const clientOf = (user: TestUser): KalamClient =>
  createClient({ url: server.url, auth: { token: user.token }, reconnect: { initialDelayMs: 10, maxDelayMs: 50 } });

test.each(["buffered", "flushed", "partly flushed"])(
  "TB-02 a SHARED table of any size is truncated in one commit, %s",
  async (place) => {
    await fill(server.root, "app.topics");
    if (place !== "buffered") await server.root.job("STORAGE FLUSH TABLE app.topics");
    if (place === "partly flushed") await server.root.sql("INSERT INTO app.topics VALUES (0, 'new')");
    const rows = place === "partly flushed" ? ROWS + 1 : ROWS;
    const seen = new Set<unknown>();
    let isDone = false;
    const reading = (async () => {
      while (!isDone) {
        for (const [count] of await server.root.rows("SELECT count(*) FROM app.topics WHERE label IS NOT NULL"))
          seen.add(count);
      }
    })();
    const result = await server.root.sql("TRUNCATE app.topics");
    await server.root.sql("INSERT INTO app.topics VALUES (7, 'after')");
    isDone = true;
    await reading;
    expect(result).toMatchObject({ row_count: rows, message: `Truncated app.topics: ${rows} row(s)` });
    expect([...seen].every((count) => [String(rows), "0", "1"].includes(String(count)))).toBe(true);
    const all = "SELECT id, label FROM app.topics";
    expect(await server.root.rows(all)).toEqual([["7", "after"]]);
    expect(await server.root.rows("SELECT label FROM app.topics WHERE id = 8")).toEqual([]);
    expect(await server.root.rows("SELECT count(*), min(id), max(label) FROM app.topics")).toEqual([
      ["1", "7", "after"],
    ]);
    await server.root.sql("INSERT INTO app.topics VALUES (8, 'again')");
    await server.root.job("STORAGE FLUSH TABLE app.topics");
    await server.root.sql("STORAGE COMPACT TABLE app.topics");
    expect(await server.root.rows(`${all} ORDER BY id`)).toEqual([
      ["7", "after"],
      ["8", "again"],
    ]);
    expect((await server.root.sql("TRUNCATE app.topics")).row_count).toBe(2);
  },
);

test("TB-03 of a USER table the caller's rows go, and nobody else's", async () => {
  await fill(alice, "app.notes");
  await bob.sql("INSERT INTO app.notes VALUES (1, 'of bob')");
  await server.root.job("STORAGE FLUSH TABLE app.notes");
  await bob.sql("INSERT INTO app.notes VALUES (2, 'of bob')");
  expect((await alice.sql("TRUNCATE app.notes, app.notes")).row_count).toBe(ROWS);
  expect(await alice.rows("SELECT count(*) FROM app.notes")).toEqual([["0"]]);
  expect(await alice.rows("SELECT _seq FROM app.notes WHERE _deleted")).toEqual([]);
  expect(await bob.rows("SELECT id FROM app.notes ORDER BY id")).toEqual([["1"], ["2"]]);
  const named = "app.notes (id, body) VALUES (3, NULL)";
  await alice.sql(`INSERT INTO ${named}`);
  // Rows that are gone satisfy nothing and hinder nothing.
  await alice.sql("DELETE FROM app.notes WHERE id > 0");
  await server.root.sql("ALTER TABLE app.notes ALTER COLUMN body SET NOT NULL");
  expect((await alice.fails(`INSERT INTO ${named}`)).message).toContain("NOT NULL");
});

test("LQ-07 LQ-11 live queries show the empty table, those that are run again too, and go on", async () => {
  await fill(alice, "app.notes");
  await using client = clientOf(alice);
  const rows = client.live("SELECT id FROM app.notes WHERE id <= 5");
  const rerun = client.live("SELECT id FROM app.notes WHERE id IN (SELECT n.id FROM app.notes n WHERE n.id < 4)");
  await Promise.all([rows.ready, rerun.ready]);
  expect([rows.rows().length, rerun.rows().length]).toEqual([5, 3]);
  await alice.sql("TRUNCATE app.notes");
  while (rows.rows().length + rerun.rows().length > 0) await Bun.sleep(2);
  await alice.sql("INSERT INTO app.notes VALUES (2, 'new')");
  while (rows.rows().length + rerun.rows().length < 2) await Bun.sleep(2);
  expect([rows.rows().map(({ id }) => String(id)), rerun.rows().map(({ id }) => String(id))]).toEqual([["2"], ["2"]]);
});

test("CL-02 a peer is closed with 1013 and finds, with its cursor, the rows that there are", async () => {
  await fill(alice, "app.notes");
  await using peer = new PeerClient({ url: server.url, token: alice.token });
  await peer.connect();
  peer.subscribe("s", "SELECT id FROM app.notes WHERE id <= 3");
  await peer.until(() => peer.isReady("s"));
  expect(peer.rows("s").length).toBe(3);
  await alice.sql("TRUNCATE app.notes");
  await peer.until(() => peer.closed !== undefined);
  expect(peer.closed?.code).toBe(1013);
  await alice.sql("INSERT INTO app.notes VALUES (2, 'new')");
  const before = peer.messages.length;
  await peer.reconnect();
  await peer.until(() => peer.isReady("s"));
  const batches = peer.messages.slice(before).filter(({ type }) => type === "initial_data_batch");
  expect(batches.flatMap(({ rows }) => rows)).toMatchObject([{ id: "2" }]);
});

test("TB-08 inside a transaction that many rows are refused, and stay", async () => {
  await fill(alice, "app.notes");
  expect((await alice.fails("BEGIN; TRUNCATE app.notes; COMMIT")).message).toContain("one statement may write 20000");
  expect(await alice.rows("SELECT count(*) FROM app.notes")).toEqual([[String(ROWS)]]);
});

test("TB-02 TB-04 uploaded files of the rows go too", async () => {
  await server.root.sql("CREATE USER TABLE app.docs (id BIGINT PRIMARY KEY, body TEXT, doc FILE)");
  for (let from = 1; from <= ROWS; from += 10_000) {
    const to = Math.min(from + 9_999, ROWS);
    await alice.sql(`INSERT INTO app.docs (id, body) SELECT g, 'x' FROM generate_series(${from}, ${to}) AS g`);
  }
  const body = new FormData();
  body.set("sql", "INSERT INTO app.docs (id, doc) VALUES (0, FILE('a')) RETURNING doc");
  body.set("file:a", new File(["pixels"], "photo.png", { type: "image/png" }));
  const headers = { authorization: `Bearer ${alice.token}` };
  expect((await fetch(`${server.url}/v1/api/sql`, { method: "POST", headers, body })).status).toBe(200);
  const [[id, sub] = []] = await alice.rows("SELECT doc ->> 'id', doc ->> 'sub' FROM app.docs WHERE id = 0");
  const url = `${server.url}/v1/files/app/docs/${String(sub)}/${String(id)}`;
  expect((await fetch(url, { headers })).status).toBe(200);
  expect((await alice.sql("TRUNCATE app.docs")).row_count).toBe(ROWS + 1);
  expect((await fetch(url, { headers })).status).toBe(404);
});

test("TB-02 rows that were written while they were counted go as well, and the message says so", async () => {
  await fill(server.root, "app.topics");
  let isDone = false;
  const writing = (async () => {
    for (let id = 1_000_000; !isDone; id += 1) await server.root.sql(`INSERT INTO app.topics VALUES (${id}, 'x')`);
  })();
  const { row_count: count, message = "" } = await server.root.sql("TRUNCATE app.topics");
  isDone = true;
  await writing;
  expect(count).toBeGreaterThanOrEqual(ROWS);
  expect(message).toMatch(/^Truncated app\.topics: \d+ row\(s\)(, and what was written while they were counted)?$/);
  const [[left] = []] = await server.root.rows("SELECT count(*) FROM app.topics WHERE id < 1000000");
  expect(left).toBe("0");
});

test("TB-02 ST-03 what was truncated does not come back with a restart, and its files go", async () => {
  await fill(server.root, "app.topics");
  await server.root.job("STORAGE FLUSH TABLE app.topics");
  await fill(alice, "app.notes");
  await server.root.sql("TRUNCATE app.topics");
  await alice.sql("TRUNCATE app.notes");
  await server.stop();
  const { folder } = server;
  server = await startTestServer({}, { folder });
  alice = await server.login("alice", "pass-word-alice-1");
  bob = await server.login("bob", "pass-word-bob-1");
  expect(await server.root.rows("SELECT id FROM app.topics")).toEqual([]);
  expect(await alice.rows("SELECT id FROM app.notes")).toEqual([]);
  const stored = (): string[] =>
    readdirSync(join(folder, "storage"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".parquet"),
    );
  while (stored().length > 0) await Bun.sleep(5);
});
