// Views: one text, each reader's own rows and rights; what a view reads stays.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

const SETUP = [
  "CREATE NAMESPACE app",
  "CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT NOT NULL, size INT)",
  "CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, label TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  "CREATE SHARED TABLE app.secrets (id BIGINT PRIMARY KEY, word TEXT) WITH (ACCESS_LEVEL = 'PRIVATE')",
  "INSERT INTO app.topics VALUES (1, 'one'), (2, 'two')",
  "INSERT INTO app.secrets VALUES (1, 'hush')",
];

beforeAll(async () => {
  server = await startTestServer();
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql("DROP NAMESPACE IF EXISTS app");
  for (const sql of SETUP) await server.root.sql(sql);
  for (const user of [alice, bob]) {
    await user.sql(`INSERT INTO app.notes VALUES (1, 'first of ${user.name}', 10), (2, 'second of ${user.name}', 20)`);
  }
});

async function create(sql: string): Promise<void> {
  await server.root.sql(`CREATE VIEW ${sql}`);
}

test("TB-03 a view on a USER table shows each reader their own rows, whoever made it", async () => {
  await create("app.mine AS SELECT n.id, n.body, t.label FROM app.notes n JOIN app.topics t ON t.id = n.id");
  for (const user of [alice, bob]) {
    const rows = await user.rows("SELECT * FROM app.mine ORDER BY id");
    expect(rows).toEqual([
      ["1", `first of ${user.name}`, "one"],
      ["2", `second of ${user.name}`, "two"],
    ]);
  }
  expect(await server.root.rows("SELECT * FROM app.mine")).toEqual([]);
});

test.each([
  ["aggregate", "SELECT count(*), max(body) FROM app.v"],
  ["sub-query", "SELECT body FROM (SELECT * FROM app.v) s"],
  ["CTE that shadows nothing inside", "WITH notes AS (SELECT 'of bob' AS body) SELECT v.body FROM app.v"],
  ["EXISTS", "SELECT body FROM app.notes n WHERE EXISTS (SELECT 1 FROM app.v WHERE v.body = n.body)"],
  ["a view of the view", "SELECT body FROM app.vv"],
  ["LATERAL", "SELECT x.body FROM app.v, LATERAL (SELECT w.body FROM app.v w WHERE w.id = v.id) x"],
  ["union", "SELECT body FROM app.v UNION SELECT body FROM app.v"],
] as const)("TB-03 no form of reading a view shows another user's rows: %s", async (_why, sql) => {
  await create("app.v AS SELECT id, body FROM app.notes");
  await create("app.vv AS SELECT body FROM app.v");
  const text = JSON.stringify(await alice.rows(sql));
  expect(text).toContain("of alice");
  expect(text).not.toContain("bob");
  const acting = JSON.stringify(await server.root.rows(`EXECUTE AS USER 'alice' (${sql})`));
  expect(acting).not.toContain("bob");
});

test("TB-11 a view gives no right that its reader lacks", async () => {
  await create("app.open AS SELECT word FROM app.secrets");
  await create("app.nested AS SELECT word FROM app.open");
  for (const view of ["app.open", "app.nested"]) {
    expect(await server.root.rows(`SELECT * FROM ${view}`)).toEqual([["hush"]]);
    const refused = await alice.fails(`SELECT * FROM ${view}`);
    expect(refused).toMatchObject({ http: 403 });
    expect(JSON.stringify(refused)).not.toContain("hush");
  }
  await create("app.accounts AS SELECT user_id FROM system.users");
  expect((await alice.fails("SELECT * FROM app.accounts")).http).toBe(403);
  expect((await alice.fails("CREATE VIEW app.w AS SELECT 1 AS one")).http).toBe(403);
  expect((await alice.fails("DROP VIEW app.open")).http).toBe(403);
  expect((await server.root.fails("EXECUTE AS USER 'alice' (SELECT * FROM app.open)")).message).toContain("SHARED");
});

test("TB-02 unqualified names belong to the namespace the view was made in, and text keeps its types and literals", async () => {
  await server.root.send(
    "CREATE VIEW sized AS SELECT id, size::float AS part, 'it''s' AS word, 7 AS n FROM notes WHERE size > 10",
    undefined,
    {
      namespace_id: "app",
    },
  );
  await server.root.sql("CREATE NAMESPACE IF NOT EXISTS other");
  const reply = await alice.send("SELECT part, word, n FROM app.sized WHERE n = 7 AND word = 'it''s'", undefined, {
    namespace_id: "other",
  });
  expect(reply.results[0]?.rows).toEqual([[20, "it's", "7"]]);
  expect(reply.results[0]?.schema?.map(({ data_type }) => data_type)).toEqual(["Float", "Text", "BigInt"]);
});

test("TB-09 a column added to a table does not move the columns of a view of *", async () => {
  await create("app.everything AS SELECT * FROM app.topics");
  await server.root.sql("ALTER TABLE app.topics ADD COLUMN more TEXT DEFAULT 'x'");
  expect(await alice.rows("SELECT * FROM app.everything ORDER BY id")).toEqual([
    ["1", "one"],
    ["2", "two"],
  ]);
});

test.each([
  ["a table it reads is dropped", "DROP TABLE app.topics"],
  ["a table below two views is dropped", "DROP TABLE app.notes"],
  ["a view it reads is dropped", "DROP VIEW app.base"],
  ["a column it shows is dropped", "ALTER TABLE app.topics DROP COLUMN label"],
  ["a column it filters by is renamed", "ALTER TABLE app.notes RENAME COLUMN size TO bytes"],
  ["a column it shows is widened", "ALTER TABLE app.notes ALTER COLUMN size TYPE BIGINT"],
  ["a view it reads loses a column", "CREATE OR REPLACE VIEW app.base AS SELECT id FROM app.notes"],
] as const)("TB-02 refused while a view depends on it: %s", async (_why, sql) => {
  await create("app.base AS SELECT id, size FROM app.notes WHERE size > 0");
  await create("app.top AS SELECT b.size, t.label FROM app.base b JOIN app.topics t ON t.id = b.id");
  const refused = await server.root.fails(sql);
  expect(refused.reason ?? refused.message).toMatch(/DEPENDENT_OBJECTS|cannot drop columns/);
  expect(await alice.rows("SELECT size, label FROM app.top ORDER BY size")).toEqual([
    [10, "one"],
    [20, "two"],
  ]);
});

test("TB-02 what no view needs may change, and DROP NAMESPACE takes its views", async () => {
  await create("app.base AS SELECT id FROM app.notes");
  await server.root.sql("ALTER TABLE app.notes DROP COLUMN size");
  await server.root.sql("CREATE OR REPLACE VIEW app.base AS SELECT id, body FROM app.notes");
  expect(await bob.rows("SELECT body FROM app.base WHERE id = 1")).toEqual([["first of bob"]]);
  await server.root.sql("CREATE NAMESPACE IF NOT EXISTS outside");
  await server.root.sql("CREATE OR REPLACE VIEW outside.looking AS SELECT id FROM app.base");
  expect((await server.root.fails("DROP NAMESPACE app")).message).toContain("outside.looking");
  await server.root.sql("DROP VIEW outside.looking");
  await server.root.sql("DROP NAMESPACE app");
  expect(await server.root.rows("SELECT count(*) FROM system.views")).toEqual([["0"]]);
});

test.each([
  ["itself", "CREATE OR REPLACE VIEW app.base AS SELECT id FROM app.base", "infinite recursion"],
  ["itself through another", "CREATE OR REPLACE VIEW app.base AS SELECT id FROM app.top", "infinite recursion"],
  [
    "a column of another type",
    "CREATE OR REPLACE VIEW app.base AS SELECT id::text AS id FROM app.notes",
    "cannot change data type",
  ],
  [
    "a column of another name",
    "CREATE OR REPLACE VIEW app.base AS SELECT id AS nr FROM app.notes",
    "cannot change name",
  ],
  ["a name that is taken", "CREATE VIEW app.base AS SELECT 1 AS id", "already exists"],
  ["the name of a table", "CREATE VIEW app.notes AS SELECT 1 AS id", "is a table"],
  ["one name twice", "CREATE VIEW app.two AS SELECT 1 AS a, 2 AS a", "specified more than once"],
  ["more names than columns", "CREATE VIEW app.two (a, b) AS SELECT 1", "more column names than columns"],
  ["a parameter", "CREATE VIEW app.two AS SELECT $1::int AS a", "parameter"],
  ["an unknown table", "CREATE VIEW app.two AS SELECT 1 AS a FROM app.nothing", "does not exist"],
  ["a namespace there is not", "CREATE VIEW nowhere.two AS SELECT 1 AS a", "does not exist"],
  [
    "a write",
    "CREATE VIEW app.two AS DELETE FROM app.notes WHERE true",
    "a view of anything but a SELECT is not supported",
  ],
  ["MATERIALIZED", "CREATE MATERIALIZED VIEW app.two AS SELECT 1 AS a", "MATERIALIZED VIEW is not supported"],
  ["a table of a view's name", "CREATE USER TABLE app.base (id INT PRIMARY KEY)", "is a view"],
  ["DROP TABLE", "DROP TABLE app.base", "is a view"],
  ["CASCADE", "DROP VIEW app.base CASCADE", "not supported"],
  ["an INSERT", "INSERT INTO app.base (id) VALUES (1)", "cannot insert into view"],
  ["an UPDATE", "UPDATE app.base SET id = 1 WHERE true", "cannot update view"],
] as const)("TB-12 refused: %s", async (_why, sql, message) => {
  await create("app.base AS SELECT id FROM app.notes");
  await create("app.top AS SELECT id FROM app.base");
  expect((await server.root.fails(sql)).message).toContain(message);
});

test("TB-10 views are listed as views, their text for administrators only", async () => {
  await create("app.v (nr) AS SELECT id FROM app.notes");
  expect(
    await alice.rows("SELECT table_type, kalamdb_table_type FROM information_schema.tables WHERE table_name = 'v'"),
  ).toEqual([["VIEW", "view"]]);
  expect(
    await alice.rows("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'v'"),
  ).toEqual([["nr", "BIGINT"]]);
  expect(await alice.rows("SELECT view_definition FROM information_schema.views WHERE table_name = 'v'")).toEqual([
    [null],
  ]);
  expect((await alice.rows("SHOW VIEWS IN app"))[0]?.slice(0, 3)).toEqual(["app", "v", null]);
  expect(await server.root.rows("SELECT definition FROM system.views")).toEqual([["SELECT id FROM app.notes"]]);
  expect(await server.root.rows("SELECT table_type FROM system.tables WHERE table_name = 'v'")).toEqual([["view"]]);
});

test("TB-02 a view is there after a restart, with its text and what depends on it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-views-"));
  try {
    {
      await using first = await startTestServer({}, { folder });
      await first.root.sql("CREATE NAMESPACE app");
      await first.root.sql("CREATE SHARED TABLE app.items (id BIGINT PRIMARY KEY, price DECIMAL(10, 2))");
      await first.root.sql("CREATE VIEW app.dear AS SELECT id, price FROM app.items WHERE price > 9.99");
      await first.root.sql("INSERT INTO app.items VALUES (1, 5), (2, 10)");
    }
    await using second = await startTestServer({}, { folder });
    expect(await second.root.rows("SELECT * FROM app.dear")).toEqual([["2", "10.00"]]);
    expect((await second.root.fails("DROP TABLE app.items")).message).toContain("app.dear");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
