// Statements of a transaction that need a query process: they see what it wrote before, nobody else does, and nothing is lost to others.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
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
    "CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, tag TEXT, size INT, part DOUBLE, raw BYTES)",
  );
  await server.root.sql("CREATE USER TABLE app.copies (id BIGINT PRIMARY KEY, tag TEXT, size INT)");
  await server.root.sql("CREATE STREAM TABLE app.pings (id TEXT PRIMARY KEY) WITH (TTL_SECONDS = 60)");
  for (const user of [alice, bob]) {
    await user.sql("INSERT INTO app.notes (id, tag, size) VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30)");
  }
});

/** The rows of each statement between BEGIN and its end. */
async function inside(user: TestUser, statements: string, end = "COMMIT"): Promise<readonly unknown[]> {
  const reply = await user.send(`BEGIN; ${statements}; ${end}`);
  expect(reply.error ?? undefined).toBeUndefined();
  return reply.results.slice(1, -1).map((result) => result.rows ?? result.row_count);
}

describe.each(["buffered", "flushed"])("TB-08 rows %s", (place) => {
  beforeEach(async () => {
    if (place === "flushed") await server.root.job("STORAGE FLUSH TABLE app.notes");
  });

  test("a SELECT of any form sees the transaction's inserts, updates and deletes", async () => {
    const results = await inside(
      alice,
      `INSERT INTO app.notes VALUES (4, 'd', 40, 0.1, X'00ff');
       UPDATE app.notes SET tag = 'A' WHERE id = 1;
       DELETE FROM app.notes WHERE id = 2;
       SELECT id, tag, size, part, raw FROM app.notes ORDER BY id;
       SELECT count(*), sum(size) FROM app.notes WHERE size > 5;
       SELECT tag FROM app.notes ORDER BY size DESC LIMIT 2;
       SELECT n.tag, m.tag FROM app.notes n JOIN app.notes m ON m.size = n.size + 10 ORDER BY n.id`,
    );
    expect(results.slice(3)).toEqual([
      [
        ["1", "A", 10, null, null],
        ["3", "c", 30, null, null],
        ["4", "d", 40, 0.1, [0, 255]],
      ],
      [["3", "80"]],
      [["d"], ["c"]],
      [["c", "d"]],
    ]);
    expect(await bob.rows("SELECT tag FROM app.notes ORDER BY id")).toEqual([["a"], ["b"], ["c"]]);
  });

  test("UPDATE and DELETE by a filter reach rows the transaction wrote, as often as it asks", async () => {
    const results = await inside(
      alice,
      `INSERT INTO app.notes (id, tag, size) VALUES (4, 'new', 5), (5, 'new', 6);
       UPDATE app.notes SET size = size + 100 WHERE tag = 'new' OR size >= 30;
       UPDATE app.notes SET tag = tag || '!' WHERE size > 100;
       DELETE FROM app.notes WHERE size = 105 OR tag = 'b' RETURNING id, tag;
       SELECT id, tag, size FROM app.notes ORDER BY id`,
    );
    expect(results).toEqual([
      2,
      3,
      3,
      expect.arrayContaining([
        ["2", "b"],
        ["4", "new!"],
      ]),
      [
        ["1", "a", 10],
        ["3", "c!", 130],
        ["5", "new!", 106],
      ],
    ]);
    expect(await alice.rows("SELECT id, tag, size FROM app.notes ORDER BY id")).toEqual([
      ["1", "a", 10],
      ["3", "c!", 130],
      ["5", "new!", 106],
    ]);
  });

  test("INSERT … SELECT and UPDATE … FROM read what the transaction wrote", async () => {
    const results = await inside(
      alice,
      `UPDATE app.notes SET size = 7 WHERE size = 20;
       INSERT INTO app.copies SELECT id, tag, size FROM app.notes WHERE size < 15;
       UPDATE app.notes AS n SET tag = 'of ' || c.tag FROM app.copies AS c WHERE c.id = n.id;
       SELECT tag FROM app.notes ORDER BY id;
       SELECT id, size FROM app.copies ORDER BY id`,
    );
    expect(results).toEqual([
      1,
      2,
      2,
      [["of a"], ["of b"], ["c"]],
      [
        ["1", 10],
        ["2", 7],
      ],
    ]);
  });

  test("ROLLBACK shows the same and leaves nothing", async () => {
    const results = await inside(
      alice,
      "DELETE FROM app.notes WHERE size > 10; SELECT count(*) FROM app.notes",
      "ROLLBACK",
    );
    expect(results).toEqual([2, [["1"]]]);
    expect(await alice.rows("SELECT count(*) FROM app.notes")).toEqual([["3"]]);
  });
});

test("TB-08 a failing statement undoes all of it, and is named by its place though it failed in the rehearsal for a later one", async () => {
  const error = await alice.fails(
    "BEGIN; UPDATE app.notes SET size = 0 WHERE size > 0; INSERT INTO app.notes (id) VALUES (1); SELECT count(*) FROM app.notes; COMMIT",
  );
  expect(error).toMatchObject({ reason: "DUPLICATE_KEY" });
  expect(error.message).toStartWith("Statement 3 failed");
  expect(await alice.rows("SELECT sum(size) FROM app.notes")).toEqual([["60"]]);
});

test("TB-08 concurrent transactions that change rows by a filter lose no increment", async () => {
  const add =
    "BEGIN; UPDATE app.notes SET size = size + 1 WHERE tag <> 'z'; UPDATE app.notes SET size = size + 1 WHERE tag = 'a' AND size > 0; COMMIT";
  const replies = await Promise.all(Array.from({ length: 8 }, () => alice.send(add)));
  expect(replies.map(({ error }) => error ?? undefined)).toEqual(Array.from({ length: 8 }, () => undefined));
  expect(await alice.rows("SELECT size FROM app.notes ORDER BY id")).toEqual([[26], [28], [38]]);
});

test("TB-14 a large transaction by filters commits whole, while others are served", async () => {
  const values = Array.from({ length: 3000 }, (_, index) => `(${index + 100}, 'bulk', ${index})`).join(", ");
  const results = await inside(
    alice,
    `INSERT INTO app.notes (id, tag, size) VALUES ${values};
     UPDATE app.notes SET size = -size WHERE tag = 'bulk' AND size % 2 = 0;
     SELECT count(*) FROM app.notes WHERE size < 0;
     DELETE FROM app.notes WHERE tag = 'bulk'`,
  );
  expect(results).toEqual([3000, 1500, [["1499"]], 3000]);
  expect(await alice.rows("SELECT count(*) FROM app.notes")).toEqual([["3"]]);
});

test("TB-12 inside a transaction, rows of STREAM tables are inserted only", async () => {
  for (const sql of [
    "SELECT * FROM app.pings",
    "DELETE FROM app.pings WHERE true",
    "SELECT * FROM app.notes WHERE tag IN (SELECT id FROM app.pings)",
  ]) {
    expect((await alice.fails(`BEGIN; ${sql}; COMMIT`)).message).toContain(
      "rows of STREAM tables can be inserted only",
    );
  }
  await inside(
    alice,
    "INSERT INTO app.pings VALUES ('x'); INSERT INTO app.notes (id) SELECT max(id) + 1 FROM app.notes",
  );
  expect(await alice.rows("SELECT id FROM app.pings")).toEqual([["x"]]);
});
