// UPSERT, TRUNCATE, CLEAR CACHE, SHOW, and errors that say what was meant.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createClient } from "../../src/link/index.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

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
  await server.root.sql("DROP NAMESPACE IF EXISTS app");
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql(
    "CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY DEFAULT SNOWFLAKE_ID(), body TEXT NOT NULL, size INT DEFAULT 7)",
  );
  await server.root.sql("CREATE USER TABLE app.tags (id TEXT PRIMARY KEY)");
  await server.root.sql(
    "CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, label TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
});

test.each(["buffered", "flushed"])(
  "TB-02 UPSERT gives the row of the key the named columns and leaves the others, %s",
  async (place) => {
    await alice.sql("INSERT INTO app.notes VALUES (1, 'one', 10)");
    await bob.sql("INSERT INTO app.notes VALUES (1, 'of bob', 20)");
    if (place === "flushed") await server.root.job("STORAGE FLUSH TABLE app.notes");
    const result = await alice.sql("UPSERT INTO app.notes (id, body) VALUES (1, 'uno'), (2, 'due')");
    expect(result).toMatchObject({ row_count: 2, message: "Inserted 2 row(s)" });
    expect(await alice.rows("SELECT id, body, size FROM app.notes ORDER BY id")).toEqual([
      ["1", "uno", 10],
      ["2", "due", 7],
    ]);
    expect(await alice.rows("upsert into app.notes (body) values ('new') returning size")).toEqual([[7]]);
    await alice.sql(
      "UPSERT INTO app.notes (id, body, size) SELECT id, body || '!', size + $1 FROM app.notes WHERE id < 3",
      [1],
    );
    expect(await alice.rows("SELECT body, size FROM app.notes WHERE id < 3 ORDER BY id")).toEqual([
      ["uno!", 11],
      ["due!", 8],
    ]);
    expect(await bob.rows("SELECT id, body, size FROM app.notes")).toEqual([["1", "of bob", 20]]);
  },
);

test.each([
  [
    "a clause of its own",
    "UPSERT INTO app.notes (id, body) VALUES (1, 'x') ON CONFLICT DO NOTHING",
    "UPSERT has no ON CONFLICT",
  ],
  ["NULL where none may be", "UPSERT INTO app.notes (id, body) VALUES (1, NULL)", "NOT NULL"],
  ["something else", "UPSERT app.notes VALUES (1)", "syntax error"],
  ["one key twice", "UPSERT INTO app.notes (id, body) VALUES (1, 'x'), (1, 'y')", "a second time"],
] as const)("TB-12 UPSERT refuses %s", async (_why, sql, message) => {
  expect((await alice.fails(sql)).message).toContain(message);
});

test("TB-02 TRUNCATE deletes the caller's rows, buffered and flushed, and subscribers see deletes", async () => {
  const values = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, index) => `(${from + index}, 'n')`).join(", ");
  await alice.sql(`INSERT INTO app.notes (id, body) VALUES ${values(0, 1500)}`);
  await bob.sql("INSERT INTO app.notes (id, body) VALUES (1, 'of bob')");
  await server.root.job("STORAGE FLUSH TABLE app.notes");
  await alice.sql(`INSERT INTO app.notes (id, body) VALUES ${values(1500, 2500)}`);
  await alice.sql("UPDATE app.notes SET size = 1 WHERE id = 3");
  await using client = createClient({ url: server.url, auth: { token: alice.token } });
  const live = client.live("SELECT id FROM app.notes WHERE size = 1");
  while (live.rows().length !== 1) await Bun.sleep(2);
  const result = await alice.sql("TRUNCATE TABLE app.notes");
  expect(result).toMatchObject({ row_count: 2500, message: "Truncated app.notes: 2500 row(s)" });
  while (live.rows().length !== 0) await Bun.sleep(2);
  expect(await alice.rows("SELECT count(*) FROM app.notes")).toEqual([["0"]]);
  expect(await bob.rows("SELECT body FROM app.notes")).toEqual([["of bob"]]);
  expect((await alice.sql("TRUNCATE app.notes")).row_count).toBe(0);
});

test("TB-11 TRUNCATE of several tables needs the right to write each, and deletes nothing without", async () => {
  await server.root.sql("INSERT INTO app.topics VALUES (1, 'a')");
  await alice.sql("INSERT INTO app.tags VALUES ('x'), ('y')");
  expect((await alice.fails("TRUNCATE app.tags, app.topics")).http).toBe(403);
  expect(await alice.rows("SELECT count(*) FROM app.tags")).toEqual([["2"]]);
  expect((await alice.sql("TRUNCATE app.tags")).row_count).toBe(2);
  expect((await server.root.sql("TRUNCATE app.tags, app.topics")).row_count).toBe(1);
  expect((await server.root.fails("TRUNCATE app.topics RESTART IDENTITY")).message).toContain(
    "RESTART IDENTITY is not supported",
  );
  expect((await server.root.fails("TRUNCATE system.users")).message).toContain("does not exist");
  expect((await server.root.fails("BEGIN; TRUNCATE app.topics, app.tags; COMMIT")).message).toContain(
    "TRUNCATE of several tables is not supported inside a transaction",
  );
});

test("TB-08 TRUNCATE inside a transaction commits with it, or not at all", async () => {
  await alice.sql("INSERT INTO app.tags VALUES ('x'), ('y')");
  await alice.sql("BEGIN; TRUNCATE app.tags; INSERT INTO app.tags VALUES ('z'); ROLLBACK");
  expect(await alice.rows("SELECT count(*) FROM app.tags")).toEqual([["2"]]);
  const { results } = await alice.send("BEGIN; INSERT INTO app.tags VALUES ('w'); TRUNCATE app.tags; COMMIT");
  expect(results[2]).toMatchObject({ row_count: 3, message: "Truncated app.tags: 3 row(s)" });
  expect(await alice.rows("SELECT count(*) FROM app.tags")).toEqual([["0"]]);
});

test("TB-02 LQ-19 TRUNCATE of up to 20,000 rows is one commit: no reader sees a part of it, and live queries hear of all", async () => {
  const rows = 6_000;
  await alice.sql(`INSERT INTO app.notes (id, body) SELECT g, 'n' FROM generate_series(1, ${rows}) AS s(g)`);
  await alice.sql("INSERT INTO app.tags VALUES ('x')");
  await using client = createClient({ url: server.url, auth: { token: alice.token } });
  const live = client.live("SELECT id FROM app.notes");
  while (live.rows().length !== rows) await Bun.sleep(2);
  const counts = new Set<string>();
  let isDone = false;
  const reader = (async () => {
    while (!isDone) counts.add(String((await alice.rows("SELECT count(*) FROM app.notes"))[0]?.[0]));
  })();
  const result = await alice.sql("TRUNCATE app.notes, app.tags, app.notes");
  isDone = true;
  await reader;
  expect(result).toMatchObject({
    row_count: rows + 1,
    message: `Truncated app.notes, app.tags, app.notes: ${rows + 1} row(s)`,
  });
  expect([...counts].filter((count) => count !== "0" && count !== String(rows))).toEqual([]);
  while (live.rows().length !== 0) await Bun.sleep(2);
});

test("TB-13 CLEAR CACHE says how many entries each cache had, and changes no answer", async () => {
  await alice.sql("INSERT INTO app.tags VALUES ('x')");
  await alice.rows("SELECT count(*) FROM app.tags");
  const before = new Map((await server.root.rows("CLEAR CACHE")).map(([name, count]) => [name, Number(count)]));
  expect([...before.keys()]).toEqual([
    "plans",
    "live_plans",
    "statement_texts",
    "session_tables",
    "segment_columns",
    "segment_tables",
  ]);
  expect(before.get("plans")).toBeGreaterThan(0);
  expect(before.get("session_tables")).toBeGreaterThan(0);
  const after = new Map((await server.root.rows("CLEAR CACHE")).map(([name, count]) => [name, Number(count)]));
  expect(after.get("plans")).toBe(0);
  expect(await alice.rows("SELECT count(*) FROM app.tags")).toEqual([["1"]]);
  expect((await alice.fails("CLEAR CACHE")).http).toBe(403);
});

test("TB-13 a table that is dropped and made anew is found anew by every session", async () => {
  await alice.rows("SELECT * FROM app.tags");
  await server.root.sql("DROP TABLE app.tags");
  expect((await alice.fails("SELECT * FROM app.tags")).reason ?? "").toBe("TABLE_NOT_FOUND");
  await server.root.sql("CREATE USER TABLE app.tags (nr INT PRIMARY KEY)");
  expect((await alice.sql("SELECT nr FROM app.tags")).rows).toEqual([]);
});

test("TB-10 SHOW has short names for system views, with their rights, and makes tables again", async () => {
  expect((await server.root.rows("SHOW USERS")).map(([name]) => name)).toContain("alice");
  expect((await alice.fails("SHOW USERS")).http).toBe(403);
  expect((await server.root.rows("SHOW ALL")).length).toBeGreaterThan(10);
  expect((await server.root.rows("SHOW SCHEMAS")).map(([name]) => name)).toContain("app");
  const [[, statement] = []] = await alice.rows("SHOW CREATE TABLE app.notes");
  await server.root.sql("DROP TABLE app.notes");
  await server.root.sql(String(statement));
  expect((await alice.rows("SHOW CREATE TABLE app.notes"))[0]?.[1]).toBe(statement);
  expect((await alice.rows("SHOW COLUMNS IN app.notes")).map(([name]) => name)).toEqual(["id", "body", "size"]);
});

test.each([
  ["a table", "SELECT * FROM app.note", 'Perhaps you meant "notes".', 14],
  ["a table of a join", "SELECT 1 FROM app.notes n JOIN app.topic t ON true", 'Perhaps you meant "topics".', 31],
  ["a namespace", "SELECT * FROM ap.notes", 'Perhaps you meant "app".', 14],
  ["a system view", "SELECT * FROM system.job", 'Perhaps you meant "jobs".', 14],
  ["a column", "SELECT bdy FROM app.notes", 'Perhaps you meant "body".', 7],
  ["an alias", "SELECT note.body FROM app.notes", 'Perhaps you meant "notes".', 7],
  ["a function", "SELECT lenght('a')", 'Perhaps you meant "length".', 7],
  ["a type", "SELECT 1::integr", 'Perhaps you meant "integer".', 10],
  ["a column to write", "INSERT INTO app.notes (idd) VALUES (1)", 'Perhaps you meant "id".', 23],
  ["a table to describe", "DESCRIBE app.note", 'Perhaps you meant "notes".', undefined],
  ["a namespace to use", "USE ap", 'Perhaps you meant "app".', undefined],
] as const)("TB-12 a mistyped name gets the nearest one as a hint: %s", async (_why, sql, hint, position) => {
  const error = await server.root.fails(sql);
  expect(error.hint).toContain(hint);
  expect(error.position).toBe(position);
});

test("TB-12 an unknown table has one code over HTTP and on a native socket, and the peer's on the peer's", async () => {
  const sql = "SELECT * FROM app.nothing";
  expect((await alice.fails(sql)).reason).toBe("TABLE_NOT_FOUND");
  await using client = createClient({ url: server.url, auth: { token: alice.token } });
  for await (const event of client.subscribe(sql)) {
    expect(event).toMatchObject({ kind: "error", error: { code: "TABLE_NOT_FOUND" } });
    break;
  }
  await using peer = new PeerClient({ url: server.url, token: alice.token });
  await peer.connect();
  peer.subscribe("s1", sql);
  await peer.until(() => peer.said("error", "s1").length > 0);
  expect(peer.said("error", "s1")[0]).toMatchObject({ code: "NOT_FOUND" });
});
