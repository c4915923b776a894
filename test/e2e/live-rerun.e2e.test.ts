// LQ-09 over real query processes: regular expressions, sub-queries, and what EXPLAIN LIVE says of them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient, type KalamClient, type LiveSet } from "../../src/link/index.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let ann: TestUser;
let ben: TestUser;

beforeAll(async () => {
  server = await startTestServer({ "live.max_rerun_rows": 5 });
  await server.root.sql("CREATE NAMESPACE chat");
  await server.root.sql(
    "CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, room TEXT, body TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
  await server.root.sql("CREATE USER TABLE chat.rooms (name TEXT PRIMARY KEY, muted BOOLEAN)");
  await server.root.sql("CREATE SHARED TABLE chat.staff (id BIGINT PRIMARY KEY)");
  await server.root.sql(
    "CREATE USER TABLE chat.wide (id BIGINT PRIMARY KEY, f DOUBLE, d DECIMAL(10,2), b BYTES, j JSON, at TIMESTAMP, day DATE, ok BOOLEAN, n SMALLINT)",
  );
  ann = await server.user("ann");
  ben = await server.user("ben");
});

afterAll(() => server[Symbol.asyncDispose]());

function clientOf(user: TestUser): KalamClient {
  return createClient({ url: server.url, auth: { token: user.token } });
}

const MY_MESSAGES = "SELECT id, body FROM chat.messages WHERE room IN (SELECT name FROM chat.rooms WHERE NOT muted)";

test("LQ-08 LQ-09 TB-03 messages of my rooms follow messages, my rooms, and nobody else's", async () => {
  await server.root.sql("INSERT INTO chat.messages (id, room, body) VALUES (1, 'a', 'one'), (2, 'b', 'two')");
  await ann.sql("INSERT INTO chat.rooms (name, muted) VALUES ('a', false)");
  await using client = clientOf(ann);
  await using other = clientOf(ben);
  const live = client.live(MY_MESSAGES);
  const bens = other.live(MY_MESSAGES);
  const keys = (): readonly unknown[] =>
    live
      .rows()
      .map((row) => String(row["id"]))
      .toSorted((a, b) => Number(a) - Number(b));
  await Promise.all([live.ready, bens.ready]);
  expect([keys(), bens.size]).toEqual([["1"], 0]);
  await ann.sql("INSERT INTO chat.rooms (name, muted) VALUES ('b', false)");
  await until(() => live.size === 2);
  await server.root.sql("INSERT INTO chat.messages (id, room, body) VALUES (3, 'b', 'three')");
  await until(() => live.size === 3);
  await ann.sql("UPDATE chat.rooms SET muted = true WHERE name = 'a'");
  await until(() => live.size === 2);
  await ben.sql("INSERT INTO chat.rooms (name, muted) VALUES ('a', false)");
  await until(() => bens.size === 1);
  expect([keys(), bens.rows().map((row) => row["body"])]).toEqual([["2", "3"], ["one"]]);
});

test("LQ-11 after a lost connection the whole result comes again and replaces what was shown", async () => {
  await using client = clientOf(ann);
  const live = client.live(MY_MESSAGES);
  await live.ready;
  const [[connection] = []] = await server.root.rows(
    "SELECT connection_id FROM system.connections WHERE user_id = 'ann'",
  );
  expect(connection).toBeString();
  client.disconnect();
  await ann.sql("DELETE FROM chat.rooms WHERE name = 'b'");
  const again = client.live(MY_MESSAGES);
  await again.ready;
  expect(again.size).toBe(0);
});

test("LQ-12 a result beyond live.max_rerun_rows ends the live query and says what to do", async () => {
  await using client = clientOf(ann);
  await ann.sql("INSERT INTO chat.rooms (name, muted) VALUES ('many', false)");
  const live = client.live(MY_MESSAGES);
  await live.ready;
  const values = Array.from({ length: 6 }, (_, n) => `(${100 + n}, 'many', 'x')`).join(", ");
  await server.root.sql(`INSERT INTO chat.messages (id, room, body) VALUES ${values}`);
  await until(() => live.error !== undefined);
  expect(live.error).toMatchObject({ code: "RESULT_TOO_LARGE" });
  await server.root.sql("DELETE FROM chat.messages WHERE id >= 100");
});

test("TB-03 a sub-query over a table the user may not read is refused", async () => {
  await using client = clientOf(ann);
  const live = client.live("SELECT * FROM chat.messages WHERE id IN (SELECT id FROM chat.staff)");
  expect(await live.ready.catch((error: unknown) => error)).toMatchObject({ code: "PERMISSION_DENIED" });
});

test("LQ-09 the peer protocol has regular expressions and refuses sub-queries by name", async () => {
  await server.root.sql("INSERT INTO chat.messages (id, room, body) VALUES (50, 'p', 'error: disk')");
  await using client = new PeerClient({ url: server.url, token: ann.token });
  await client.connect();
  client.subscribe("regex", "SELECT * FROM chat.messages WHERE body ~ '^error'");
  client.subscribe("sub", MY_MESSAGES);
  await client.until(() => client.isReady("regex") && client.said("error", "sub").length === 1);
  expect(client.said("error", "sub")[0]).toMatchObject({ code: "UNSUPPORTED" });
  expect(client.rows("regex").map((row) => row["id"])).toEqual(["50"]);
  await server.root.sql("UPDATE chat.messages SET body = 'fine' WHERE id = 50");
  await server.root.sql("INSERT INTO chat.messages (id, room, body) VALUES (51, 'p', 'error: net')");
  await client.until(() => client.rows("regex").length === 1 && client.rows("regex")[0]?.["id"] === "51");
  expect(client.said("change", "regex").map((change) => change["change_type"])).toEqual(["delete", "insert"]);
});

test("LQ-09 TB-11 rows put to a query process mean what stored rows mean, whatever their types", async () => {
  await using client = clientOf(ben);
  const condition =
    "f::text ~ '^2(\\.0)?$' AND f / 4 = 0.5 AND d::text ~ '^1\\.50$' AND d * 2 = 3 AND j->>'a' ~ 'x' AND ok AND n / 2 = 1 AND at < now() AND day::text ~ '^2024' AND b IS NOT NULL";
  const live = client.live(`SELECT id FROM chat.wide WHERE ${condition}`);
  await live.ready;
  const insert =
    "INSERT INTO chat.wide (id, f, d, b, j, at, day, ok, n) VALUES ($1, $2, 1.5, '\\x0102', '{\"a\":\"xy\"}', TIMESTAMP '2024-01-01 00:00:00', DATE '2024-05-06', true, 3)";
  await ben.sql(insert, [1, 2]);
  await ben.sql(insert, [2, 2.5]);
  await ben.sql(insert, [3, "Infinity"]);
  await ben.sql(insert, [9_007_199_254_740_993n.toString(), 2]);
  const fresh = (await ben.rows(`SELECT id FROM chat.wide WHERE ${condition} ORDER BY id`)).map(([id]) => id);
  expect(fresh).toEqual(["1", "9007199254740993"]);
  await until(() => live.size === 2);
  expect(
    live
      .rows()
      .map((row) => String(row["id"]))
      .toSorted(),
  ).toEqual(["1", "9007199254740993"]);
});

/** A busy machine may take longer than a deadline to read an empty table. */
async function readyInTheEnd(open: () => LiveSet): Promise<LiveSet> {
  for (;;) {
    const live = open();
    const isReady = await live.ready.then(
      () => true,
      () => false,
    );
    if (isReady) return live;
  }
}

test("LQ-09 a pattern that runs away ends its live query by the deadline of queries, and writes go on", async () => {
  await using hasty = await startTestServer({ "query.timeout_ms": 5_000 });
  await hasty.root.sql("CREATE NAMESPACE chat; CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, body TEXT)");
  await using client = createClient({ url: hasty.url, auth: { token: hasty.root.token } });
  const live = await readyInTheEnd(() => client.live("SELECT * FROM chat.messages WHERE body ~ '^(a+)+$'"));
  // The engine gives up on a match after half a second or more, so it takes many to pass the deadline.
  const values = Array.from({ length: 60 }, (_, n) => `(${100 + n}, '${"a".repeat(40)}!')`).join(", ");
  await hasty.root.sql(`INSERT INTO chat.messages (id, body) VALUES ${values}`);
  await hasty.root.sql("INSERT INTO chat.messages (id, body) VALUES (90, 'aa')");
  await until(() => live.error !== undefined);
  expect(live.error).toMatchObject({ code: "STATEMENT_TIMEOUT" });
});

test.each([
  ["SELECT * FROM chat.messages WHERE room = 'a'", ["Strategy: filter", "Routing: hash on room"]],
  ["SELECT * FROM chat.messages", ["Strategy: filter, every row matches", "Routing: every change"]],
  ["SELECT * FROM chat.messages WHERE body LIKE 'a%'", ["Routing: fixed text of a pattern on body"]],
  ["SELECT * FROM chat.messages WHERE body ILIKE '%a%'", ["Routing: fixed text of a pattern on body"]],
  ["SELECT * FROM chat.messages WHERE starts_with(body, 'a')", ["Routing: prefix on body"]],
  ["SELECT * FROM chat.messages WHERE room > 'a' AND room < 'b'", ["Routing: range on room"]],
  ["SELECT * FROM chat.messages WHERE body IS NOT NULL", ["Routing: a value in body"]],
  ["SELECT * FROM chat.messages WHERE body NOT LIKE 'a%'", ["Routing: every change"]],
  [
    "SELECT * FROM chat.messages WHERE room = 'a' AND body ~ 'x'",
    ["Strategy: re-run by key, because of the operator ~", "Routing: hash on room"],
  ],
  [
    "SELECT * FROM chat.messages WHERE lpad(body, 3) = 'abc'",
    ["Strategy: re-run by key, because of the function lpad", "Routing: every change"],
  ],
  [MY_MESSAGES, ["Strategy: re-run, because of a sub-query", "Reads: chat.rooms (user", "Routing: every change"]],
])("LQ-09 EXPLAIN LIVE names the strategy and why: %s", async (sql, lines) => {
  const text = (await server.root.rows(`EXPLAIN LIVE ${sql}`)).flat().join("\n");
  for (const line of lines) expect(text).toContain(line);
});

test.each([
  ["SELECT * FROM chat.messages WHERE random() < 0.5", "random"],
  ["SELECT * FROM chat.messages WHERE id IN (SELECT id FROM chat.messages WHERE random() < 0.5)", "random"],
  ["SELECT * FROM chat.messages WHERE room IN (SELECT user_id FROM system.users)", "system.users"],
])("LQ-09 what has no result to keep up to date is refused by name: %s", async (sql, name) => {
  await using client = createClient({ url: server.url, auth: { token: server.root.token } });
  const error: unknown = await client.live(sql).ready.catch((fault: unknown) => fault);
  expect(error).toMatchObject({ code: "UNSUPPORTED" });
  expect(String(error)).toContain(name);
});
