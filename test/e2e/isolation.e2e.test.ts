// TB-03: the same text shows and touches each user's own rows only, whatever the form of the statement and wherever the rows are.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT NOT NULL, size INT)");
  await server.root.sql("CREATE USER TABLE app.copies (id BIGINT PRIMARY KEY, body TEXT, size INT)");
  await server.root.sql(
    "CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, label TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
  await server.root.sql("INSERT INTO app.topics (id, label) VALUES (1, 'one'), (2, 'two')");
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

/** The same keys for both users, so that a missing scope would collide or leak at once. */
async function reset(): Promise<void> {
  for (const user of [alice, bob]) {
    await user.sql("DELETE FROM app.notes WHERE true");
    await user.sql("DELETE FROM app.copies WHERE true");
    await user.sql(
      `INSERT INTO app.notes (id, body, size) VALUES (1, 'first of ${user.name}', 10), (2, 'second of ${user.name}', 20), (3, 'third of ${user.name}', 30)`,
    );
  }
}

async function everything(user: TestUser): Promise<string> {
  const notes = await user.rows("SELECT id, body, size FROM app.notes ORDER BY id");
  const copies = await user.rows("SELECT id, body, size FROM app.copies ORDER BY id");
  return JSON.stringify({ notes, copies });
}

const READS: readonly (readonly [why: string, sql: string])[] = [
  ["plain select", "SELECT * FROM app.notes"],
  ["by key", "SELECT * FROM app.notes WHERE id = 2"],
  ["by a list of keys", "SELECT * FROM app.notes WHERE id IN (1, 2, 3)"],
  ["a condition that is always true", "SELECT * FROM app.notes WHERE 1 = 1 OR id = 1"],
  ["aggregate", "SELECT string_agg(body, ',') FROM app.notes"],
  ["group by", "SELECT body, count(*) FROM app.notes GROUP BY body"],
  ["CTE", "WITH n AS (SELECT * FROM app.notes) SELECT body FROM n"],
  ["CTE used twice", "WITH n AS (SELECT * FROM app.notes) SELECT a.body, b.body FROM n a JOIN n b ON a.id = b.id"],
  [
    "recursive CTE",
    "WITH RECURSIVE r AS (SELECT id, body FROM app.notes WHERE id = 1 UNION ALL SELECT n.id, n.body FROM app.notes n JOIN r ON n.id = r.id + 1) SELECT body FROM r",
  ],
  ["sub-query in FROM", "SELECT s.body FROM (SELECT body FROM app.notes) s"],
  ["sub-query in WHERE", "SELECT body FROM app.notes WHERE id IN (SELECT id FROM app.notes WHERE size > 5)"],
  ["correlated sub-query", "SELECT body, (SELECT max(m.body) FROM app.notes m WHERE m.id >= n.id) FROM app.notes n"],
  ["EXISTS", "SELECT body FROM app.notes n WHERE EXISTS (SELECT 1 FROM app.notes m WHERE m.id = n.id)"],
  ["self join", "SELECT a.body, b.body FROM app.notes a JOIN app.notes b ON a.id = b.id"],
  ["left join with a shared table", "SELECT n.body, t.label FROM app.notes n LEFT JOIN app.topics t ON t.id = n.id"],
  ["LATERAL", "SELECT n.body, x.body FROM app.notes n, LATERAL (SELECT m.body FROM app.notes m WHERE m.id >= n.id) x"],
  ["a function of rows", "SELECT n.body, g FROM app.notes n, generate_series(1, n.size / 10) AS g"],
  ["DISTINCT ON", "SELECT DISTINCT ON (size) size, body FROM app.notes ORDER BY size, body"],
  ["EXCEPT ALL", "SELECT body FROM app.notes EXCEPT ALL SELECT 'first'"],
  ["INTERSECT ALL", "SELECT body FROM app.notes INTERSECT ALL SELECT body FROM app.notes"],
  ["ANY of an array", "SELECT body FROM app.notes WHERE id = ANY (ARRAY[1, 2, 3])"],
  ["cross join", "SELECT a.body FROM app.notes a, app.notes b"],
  ["union", "SELECT body FROM app.notes UNION SELECT body FROM app.notes"],
  ["except", "SELECT body FROM app.notes EXCEPT SELECT 'x'"],
  ["window", "SELECT body, row_number() OVER (ORDER BY id) FROM app.notes"],
  ["distinct and limit", "SELECT DISTINCT body FROM app.notes ORDER BY body LIMIT 10"],
  ["three-part name", "SELECT body FROM app.user.notes"],
  ["deleted rows", "SELECT body FROM app.notes WHERE _deleted = true OR _deleted = false"],
];

const WRITES: readonly (readonly [why: string, sql: string])[] = [
  ["update by key", "UPDATE app.notes SET body = 'changed' WHERE id = 1"],
  ["update of everything", "UPDATE app.notes SET size = size + 1 WHERE true"],
  [
    "update with a sub-query",
    "UPDATE app.notes SET size = (SELECT max(size) FROM app.notes) WHERE id IN (SELECT id FROM app.notes)",
  ],
  ["delete by key", "DELETE FROM app.notes WHERE id = 2"],
  ["delete of everything", "DELETE FROM app.notes WHERE true"],
  ["delete with a sub-query", "DELETE FROM app.notes WHERE id IN (SELECT id FROM app.notes WHERE size > 10)"],
  ["insert of a key that the other user has", "INSERT INTO app.notes (id, body) VALUES (4, 'mine')"],
  ["insert … select", "INSERT INTO app.copies (id, body, size) SELECT id, body, size FROM app.notes"],
  [
    "insert … select through a CTE",
    "INSERT INTO app.copies (id, body) WITH n AS (SELECT id, body FROM app.notes) SELECT id, body FROM n",
  ],
  ["upsert", "INSERT INTO app.notes (id, body) VALUES (1, 'new') ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body"],
];

for (const place of ["buffered", "flushed"] as const) {
  describe(`TB-03 rows ${place}`, () => {
    const settle = async (): Promise<void> => {
      await reset();
      if (place === "flushed") await flush();
    };

    test.each(READS)("%s shows nothing of the other user", async (_why, sql) => {
      await settle();
      const rows = JSON.stringify(await alice.rows(sql));
      expect(rows).toContain("of alice");
      expect(rows).not.toContain("bob");
    });

    test.each(WRITES)("%s leaves the other user's rows as they were", async (_why, sql) => {
      await settle();
      const [mineBefore, othersBefore] = [await everything(alice), await everything(bob)];
      await alice.sql(sql);
      expect(await everything(bob)).toBe(othersBefore);
      const mine = await everything(alice);
      expect(mine).not.toBe(mineBefore);
      expect(mine).not.toContain("bob");
    });
  });
}

async function flush(): Promise<void> {
  for (const table of ["app.notes", "app.copies"]) await server.root.job(`STORAGE FLUSH TABLE ${table}`);
}

test("TB-03 LQ-08 a live query on a USER table hears the subscriber's rows only", async () => {
  const { createClient } = await import("../../src/link/client.ts");
  await reset();
  await using watcher = createClient({ url: server.url, auth: { token: alice.token } });
  const live = watcher.live("SELECT * FROM app.notes");
  await live.ready;
  await bob.sql("UPDATE app.notes SET body = 'secret of bob' WHERE true");
  await bob.sql("DELETE FROM app.notes WHERE id = 1");
  await alice.sql("UPDATE app.notes SET body = 'last of alice' WHERE id = 3");
  while (
    !JSON.stringify(live.rows(), (_key, value: unknown) =>
      String(value) === value ? value : typeof value === "bigint" ? value.toString() : value,
    ).includes("last of alice")
  ) {
    await Bun.sleep(2);
  }
  const bodies = live.rows().map((row) => row["body"]);
  expect(bodies).toEqual(["first of alice", "second of alice", "last of alice"]);
});

test("AU-03 an administrator sees own rows, not everybody's", async () => {
  await reset();
  expect(await server.root.rows("SELECT * FROM app.notes")).toEqual([]);
});

test.each([
  ["system acts for a user", "EXECUTE AS USER 'alice' (SELECT body FROM app.notes WHERE id = 1)", true],
  ["a bare name works", "EXECUTE AS USER alice (SELECT body FROM app.notes WHERE id = 1)", true],
])("TB-03 EXECUTE AS USER: %s", async (_why, sql) => {
  await reset();
  const result = await server.root.sql(sql);
  expect(result.rows).toEqual([["first of alice"]]);
  expect(result.as_user).toBe("alice");
});

test("TB-03 a user cannot act as another", async () => {
  await reset();
  const error = await bob.fails("EXECUTE AS USER 'alice' (SELECT body FROM app.notes)");
  expect(error).toMatchObject({ http: 403, code: "PERMISSION_DENIED" });
  expect(JSON.stringify(error)).not.toContain("first of alice");
});
