// Parameters that are lists: `= ANY($1)`, `<> ALL($1)` and `unnest($1)` in reads, writes, live queries and the client library.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "../../src/link/index.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, tag TEXT, size INT)");
  alice = await server.user("alice");
  await alice.sql(
    "INSERT INTO app.notes VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (9007199254740993, 'd', NULL)",
  );
  await server.root.sql("INSERT INTO app.notes VALUES (1, 'of root', 1), (7, 'of root', 7)");
});

afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ["keys", "id = ANY($1)", [3, 1], ["1", "3"]],
  ["64-bit keys as text", "id = ANY($1)", ["9007199254740993"], ["9007199254740993"]],
  ["keys of another user", "id = ANY($1)", [7], []],
  ["a list of one", "tag = ANY($1)", ["b"], ["2"]],
  ["a list of five, in a plan with room for eight", "tag = ANY($1)", ["a", "x", "y", "z", "c"], ["1", "3"]],
  ["an empty list", "tag = ANY($1)", [], []],
  ["none of an empty list", "tag <> ALL($1)", [], ["1", "2", "3", "9007199254740993"]],
  ["none of a list", "tag <> ALL($1::text[])", ["a", "b"], ["3", "9007199254740993"]],
  ["none of a list with NULL: never known", "tag <> ALL($1)", ["a", null], []],
  ["more than any", "size > ANY($1)", [15, 25], ["2", "3"]],
  ["at least all", "size >= ALL($1)", [10, 20], ["2", "3"]],
] as const)("TB-07 a list as a parameter: %s", async (_why, condition, list, ids) => {
  const found = await alice.rows(`SELECT id FROM app.notes WHERE ${condition} ORDER BY id`, [list]);
  expect(found.map(([id]) => String(id))).toEqual([...ids]);
});

test("TB-07 keys in a list are a point read", async () => {
  const plan = await server.root.rows("EXPLAIN SELECT * FROM app.notes WHERE id = ANY($1)", [[1, 2]]);
  expect(plan[0]).toEqual(["Point read by primary key (2 key(s)), main thread when buffered"]);
});

test("TB-06 unnest gives the values of a list in their order, as many as there are", async () => {
  const numbered = await alice.rows(
    "SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS u (word, place) ORDER BY place",
    [["x", null, "y"]],
  );
  expect(numbered).toEqual([
    ["x", "1"],
    [null, "2"],
    ["y", "3"],
  ]);
  expect(await alice.rows("SELECT count(*) FROM unnest($1::int[])", [[]])).toEqual([["0"]]);
});

test("TB-06 a bulk write from lists", async () => {
  await alice.sql("INSERT INTO app.notes (id, tag) SELECT u, 'bulk' FROM unnest($1::bigint[]) AS u", [[101, 102, 103]]);
  const changed = await alice.sql("UPDATE app.notes SET size = 1 WHERE id = ANY($1)", [[101, 103]]);
  expect(changed.row_count).toBe(2);
  const removed = await alice.sql("DELETE FROM app.notes WHERE tag = ANY($1)", [["bulk"]]);
  expect(removed.row_count).toBe(3);
});

test.each([
  ["where a value is asked for", "SELECT $1::int", [[1]], "Parameter $1 is an array, and the place takes one value"],
  ["a value where a list is asked for", "SELECT 1 = ANY($1)", [1], "Parameter $1 must be an array"],
  ["a list of lists", "SELECT 1 = ANY($1)", [[[1]]], "arrays of arrays are not supported"],
  ["a list of objects", "SELECT 1 = ANY($1)", [[{}]], "objects are not supported"],
  ["a value of another type", "SELECT 1 = ANY($1)", [["one"]], "Parameter $1 expects INT"],
  [
    "too many values",
    "SELECT 1 = ANY($1)",
    [Array.from({ length: 10_001 }, () => 1)],
    "an array may have 10000 values",
  ],
] as const)("TB-12 a list is refused: %s", async (_why, sql, params, message) => {
  expect((await alice.fails(sql, params)).message).toContain(message);
});

test("LQ-04 a live query by a list of values, through the client library", async () => {
  await using client = createClient({ url: server.url, auth: { token: alice.token } });
  const rows = await client.query("SELECT tag FROM app.notes WHERE id = ANY($1) ORDER BY id", [[1n, 3]]);
  expect(rows.rows.map((row) => row["tag"])).toEqual(["a", "c"]);
  const live = client.live("SELECT id, tag FROM app.notes WHERE tag = ANY($1)", { params: [["a", "c"]] });
  const seen = (): string[] =>
    live
      .rows()
      .map((row) => String(row["tag"]))
      .sort();
  while (seen().join() !== "a,c") await Bun.sleep(2);
  await alice.sql("UPDATE app.notes SET tag = 'b' WHERE id = 1");
  while (seen().join() !== "c") await Bun.sleep(2);
  await alice.sql("UPDATE app.notes SET tag = 'a' WHERE id = 1");
  while (seen().join() !== "a,c") await Bun.sleep(2);
  expect(seen()).toEqual(["a", "c"]);
});
