// Live queries over real sockets: both client families, both notations, every way a subscription ends.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient, KalamError } from "../../src/link/index.ts";
import { PeerClient } from "../support/peer-client.ts";
import { loginToken, startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat");
  await server.root.sql(
    "CREATE SHARED TABLE chat.messages (id BIGINT PRIMARY KEY, room TEXT NOT NULL, n INT, at TIMESTAMP, doc JSON) WITH (ACCESS_LEVEL = 'PUBLIC')",
  );
  await server.root.sql("CREATE USER TABLE chat.drafts (id BIGINT PRIMARY KEY, body TEXT)");
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql("DELETE FROM chat.messages WHERE true");
});

function clientOf(user: TestUser, extra: object = {}): KalamClient {
  return createClient({ url: server.url, auth: { token: user.token }, ...extra });
}

async function insert(from: number, count: number, room = "a"): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => `(${from + index}, '${room}', ${index})`);
  await server.root.sql(`INSERT INTO chat.messages (id, room, n) VALUES ${rows.join(", ")}`);
}

describe.each(["json", "msgpack"] as const)("LQ-06 CL-02 header-authenticated peer client, %s", (format) => {
  const connect = async (user: TestUser): Promise<PeerClient> => {
    const client = new PeerClient({ url: server.url, token: user.token, format });
    await client.connect();
    return client;
  };

  test("pages through a snapshot with next_batch while rows change, without gap or overlap", async () => {
    await insert(1, 50);
    await using client = await connect(alice);
    client.subscribe("s", "SELECT * FROM chat.messages WHERE room = 'a'", { batchSize: 7 });
    await server.root.sql("UPDATE chat.messages SET room = 'b' WHERE id IN (3, 49)");
    await server.root.sql("DELETE FROM chat.messages WHERE id = 20");
    await server.root.sql("INSERT INTO chat.messages (id, room, n) VALUES (51, 'a', 1)");
    await client.until(() => client.isReady("s"));
    await client.until(() => client.rows("s").length === 48);
    const expected = (await alice.rows("SELECT id FROM chat.messages WHERE room = 'a' ORDER BY id")).map(([id]) => id);
    await client.until(() => client.rows("s").length === expected.length);
    expect(new Set(client.rows("s").map((row) => row["id"]))).toEqual(new Set(expected));
    expect(client.said("initial_data_batch", "s").length).toBeGreaterThan(6);
  });

  test("LQ-01 nothing more is heard under an id whose new query was refused", async () => {
    await using client = await connect(alice);
    client.subscribe("s", "SELECT * FROM chat.messages");
    client.subscribe("other", "SELECT * FROM chat.messages");
    await client.until(() => client.isReady("s") && client.isReady("other"));
    client.subscribe("s", "SELECT nothing FROM chat.messages");
    await client.until(() => client.said("error", "s").length === 1);
    await insert(1, 1);
    await client.until(() => client.rows("other").length === 1);
    expect(client.said("change", "s")).toEqual([]);
    expect(
      await server.root.rows("SELECT subscription_id FROM system.live_queries WHERE subscription_id = 's'"),
    ).toEqual([]);
  });

  test("LQ-08 entering and leaving a filter are insert and delete", async () => {
    await insert(1, 1, "b");
    await using client = await connect(alice);
    client.subscribe("s", "SELECT * FROM chat.messages WHERE room = 'a'");
    await client.until(() => client.isReady("s"));
    await server.root.sql("UPDATE chat.messages SET room = 'a' WHERE id = 1");
    await server.root.sql("UPDATE chat.messages SET n = NULL WHERE id = 1");
    await server.root.sql("UPDATE chat.messages SET room = 'b' WHERE id = 1");
    await client.until(() => client.said("change", "s").length === 3);
    const [enter, update, leave] = client.said("change", "s");
    expect(enter).toMatchObject({ change_type: "insert", rows: [{ id: "1", room: "a", _deleted: false }] });
    expect(update).toMatchObject({ change_type: "update", rows: [{ id: "1", n: null }], old_values: [{ n: 0 }] });
    expect(leave).toMatchObject({ change_type: "delete", old_values: [{ id: "1" }] });
    expect(leave).not.toHaveProperty("rows");
  });

  test("LQ-11 resumes with deletes and leaves that happened meanwhile", async () => {
    await insert(1, 4);
    await using client = await connect(alice);
    client.subscribe("s", "SELECT * FROM chat.messages WHERE room = 'a'");
    await client.until(() => client.isReady("s") && client.rows("s").length === 4);
    client.cut();
    await client.until(() => client.closed !== undefined);
    await server.root.sql("DELETE FROM chat.messages WHERE id = 1");
    await server.root.sql("UPDATE chat.messages SET room = 'b' WHERE id = 2");
    await server.root.sql("UPDATE chat.messages SET n = 77 WHERE id = 3");
    await server.root.sql("INSERT INTO chat.messages (id, room) VALUES (9, 'a')");
    await client.reconnect();
    await client.until(() => client.rows("s").length === 3 && client.rows("s").some((row) => row["id"] === "9"));
    expect(client.rows("s").map((row) => [row["id"], row["n"]])).toEqual([
      ["3", 77],
      ["4", 3],
      ["9", null],
    ]);
  });

  test("LQ-03 unsubscribe ends one subscription and leaves the other", async () => {
    await using client = await connect(alice);
    client.subscribe("one", "SELECT * FROM chat.messages");
    client.subscribe("two", "SELECT * FROM chat.messages WHERE n > 0");
    await client.until(() => client.isReady("one") && client.isReady("two"));
    client.unsubscribe("one");
    client.unsubscribe("one");
    client.unsubscribe("never was");
    await until(async () => (await liveIds(alice)).length === 1);
    await server.root.sql("INSERT INTO chat.messages (id, room, n) VALUES (1, 'a', 1)");
    await client.until(() => client.said("change", "two").length === 1);
    expect(client.said("change", "one")).toEqual([]);
  });
});

async function liveIds(user: TestUser): Promise<readonly string[]> {
  const rows = await server.root.rows("SELECT subscription_id FROM system.live_queries WHERE user_id = $1 ORDER BY 1", [
    user.name,
  ]);
  return rows.map(([id]) => String(id));
}

test("LQ-06 a client that never pages gets its whole snapshot in batch 0", async () => {
  for (let start = 1; start <= 2500; start += 500) await insert(start, 500);
  const socket = new WebSocket(`${server.websocketUrl}?compress=false`);
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.onopen = () => {
    socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token: alice.token }));
    socket.send(
      JSON.stringify({
        type: "subscribe",
        subscription: { id: "s", sql: "SELECT id FROM chat.messages", options: {} },
      }),
    );
  };
  socket.onmessage = ({ data }) => {
    if (String(data).includes("initial_data_batch")) resolve(String(data));
  };
  const batch: unknown = JSON.parse(await promise);
  socket.close();
  expect(batch).toMatchObject({ batch_control: { batch_num: 0, has_more: false, status: "ready" } });
  expect((batch as { rows: unknown[] }).rows.length).toBe(2500);
});

test.each([
  ["rows already there", {}, 3],
  ["the newest two", { lastRows: 2 }, 2],
  ["nothing but what comes", { snapshot: false }, 0],
])("LQ-07 native client: %s", async (_why, options, initial) => {
  await insert(1, 3);
  await using client = clientOf(alice);
  const events: string[] = [];
  const subscription = client.subscribe("SELECT * FROM chat.messages", options);
  let rows = 0;
  for await (const event of subscription) {
    events.push(event.kind);
    if (event.kind === "snapshot") rows += event.rows.length;
    if (event.kind === "ready") await server.root.sql("INSERT INTO chat.messages (id, room) VALUES (10, 'z')");
    if (event.kind === "insert") break;
  }
  expect(rows).toBe(initial);
  expect(events.at(-1)).toBe("insert");
});

test("LQ-19 one statement's changes reach a native client as one group", async () => {
  await using client = clientOf(alice);
  const live = client.live("SELECT * FROM chat.messages");
  await live.ready;
  const groups: number[] = [];
  live.onChange((differences) => groups.push(differences.length));
  const written = await server.root.sql("INSERT INTO chat.messages (id, room) VALUES (1, 'a'), (2, 'a'), (3, 'a')");
  await until(() => groups.length > 0);
  expect(groups).toEqual([3]);
  expect(written.seq).toMatch(/^\d+$/);
});

test("LQ-02 LQ-05 system.live_queries has a row for each subscription, and it is gone with it", async () => {
  const client = clientOf(alice);
  const live = client.live("SELECT * FROM chat.messages WHERE room = 'a'", { id: "mine" });
  await live.ready;
  await insert(1, 2);
  await until(() => live.size === 2);
  const [row] = await server.root.rows(
    "SELECT live_id, connection_id, subscription_id, user_id, namespace_id, table_name, query, status, changes FROM system.live_queries WHERE user_id = 'alice'",
  );
  const [liveId, connection, ...rest] = row ?? [];
  expect(liveId).toBe(`alice-${String(connection)}-mine`);
  expect(rest).toEqual([
    "mine",
    "alice",
    "chat",
    "messages",
    "SELECT * FROM chat.messages WHERE room = 'a'",
    "active",
    "2",
  ]);
  expect(await server.root.rows("SELECT count(*) FROM system.live")).toEqual([["1"]]);
  expect(await server.root.rows("SELECT user_id, protocol FROM system.connections")).toEqual([["alice", "native"]]);
  client.disconnect();
  await until(async () => (await liveIds(alice)).length === 0);
  expect(await server.root.rows("SELECT * FROM system.connections")).toEqual([]);
});

test("LQ-13 KILL LIVE QUERY tells the client and ends that subscription only", async () => {
  await using client = clientOf(alice);
  const killed = client.live("SELECT * FROM chat.messages", { id: "killed" });
  const other = client.live("SELECT * FROM chat.messages WHERE n = 5", { id: "other" });
  await Promise.all([killed.ready, other.ready]);
  const [[liveId] = []] = await server.root.rows(
    "SELECT live_id FROM system.live_queries WHERE subscription_id = 'killed'",
  );
  const refused = await bob.fails(`KILL LIVE QUERY '${String(liveId)}'`);
  expect(refused.reason).toBe("NOT_FOUND");
  await server.root.sql(`KILL LIVE QUERY '${String(liveId)}'`);
  await until(() => killed.error !== undefined);
  expect(killed.error?.code).toBe("KILLED");
  expect(await liveIds(alice)).toEqual(["other"]);
  await server.root.sql("INSERT INTO chat.messages (id, room, n) VALUES (1, 'a', 5)");
  await until(() => other.size === 1);
});

test("LQ-13 a user may kill an own live query", async () => {
  await using client = clientOf(alice);
  const live = client.live("SELECT * FROM chat.messages", { id: "own" });
  await live.ready;
  const [[liveId] = []] = await server.root.rows(
    "SELECT live_id FROM system.live_queries WHERE subscription_id = 'own'",
  );
  await alice.sql(`KILL LIVE QUERY '${String(liveId)}'`);
  await until(() => live.error !== undefined);
});

test("LQ-13 KILL CONNECTION closes the socket, and every row of it is gone", async () => {
  await using client = new PeerClient({ url: server.url, token: alice.token });
  await client.connect();
  client.subscribe("a", "SELECT * FROM chat.messages");
  client.subscribe("b", "SELECT * FROM chat.drafts");
  await client.until(() => client.isReady("a") && client.isReady("b"));
  const [[connection] = []] = await server.root.rows(
    "SELECT connection_id FROM system.connections WHERE user_id = 'alice'",
  );
  await server.root.sql(`KILL CONNECTION '${String(connection)}'`);
  expect(await liveIds(alice)).toEqual([]);
  await client.until(() => client.closed !== undefined);
  expect(client.closed).toEqual({ code: 1008, reason: "Connection killed" });
  expect((await server.root.fails(`KILL CONNECTION '${String(connection)}'`)).reason).toBe("NOT_FOUND");
  expect((await alice.fails("KILL CONNECTION 'x'")).code).toBe("PERMISSION_DENIED");
});

test.each([
  [
    "logout",
    (token: string) =>
      fetch(`${server.url}/v1/api/auth/logout`, { method: "POST", headers: { authorization: `Bearer ${token}` } }),
  ],
  ["a new password", () => server.root.sql("ALTER USER 'carol' SET PASSWORD 'another-pass-word-2'")],
  ["a new role", () => server.root.sql("ALTER USER 'carol' SET ROLE service")],
  ["deletion", () => server.root.sql("DROP USER 'carol'")],
])("LQ-14 %s closes the user's sockets", async (why, revoke) => {
  const password = "a-pass-word-of-carol-1";
  const created =
    why === "logout" ? await server.root.send(`CREATE USER 'carol' WITH PASSWORD '${password}' ROLE user`) : undefined;
  if (created?.status === "error") throw new Error(created.error?.message);
  if (why === "a new role") await server.root.sql(`ALTER USER 'carol' SET PASSWORD '${password}'`);
  const token = await loginToken(server.url, "carol", password);
  await using client = new PeerClient({ url: server.url, token });
  await client.connect();
  client.subscribe("s", "SELECT * FROM chat.drafts");
  await client.until(() => client.isReady("s"));
  await revoke(token);
  await client.until(() => client.closed !== undefined);
  expect(client.closed?.code).toBe(1008);
  expect(await server.root.rows("SELECT * FROM system.live_queries WHERE user_id = 'carol'")).toEqual([]);
});

test("LQ-15 a table with live queries is not dropped, and the error says how many there are", async () => {
  await server.root.sql("CREATE SHARED TABLE chat.busy (id BIGINT PRIMARY KEY) WITH (ACCESS_LEVEL = 'PUBLIC')");
  const client = clientOf(alice);
  const live = client.live("SELECT * FROM chat.busy");
  await live.ready;
  const error = await server.root.fails("DROP TABLE chat.busy");
  expect(error.message).toContain("1 active live query");
  client.disconnect();
  await until(async () => (await liveIds(alice)).length === 0);
  await server.root.sql("DROP TABLE chat.busy");
});

test("LQ-17 a shared table is subscribed only by who may read it", async () => {
  await server.root.sql("CREATE SHARED TABLE chat.staff (id BIGINT PRIMARY KEY)");
  await using client = clientOf(alice);
  const live = client.live("SELECT * FROM chat.staff");
  const error: unknown = await live.ready.catch((fault: unknown) => fault);
  expect(error).toBeInstanceOf(KalamError);
  expect(error).toMatchObject({ code: "PERMISSION_DENIED" });
});

test("LQ-09 what cannot be followed is refused by name", async () => {
  await using client = clientOf(alice);
  for (const [sql, word] of [
    ["SELECT * FROM chat.messages ORDER BY id LIMIT 3", "ORDER BY"],
    ["SELECT room, count(*) FROM chat.messages GROUP BY room", "GROUP BY"],
    ["SELECT * FROM chat.messages WHERE n > random()", "random, whose value differs from call to call"],
  ] as const) {
    const error: unknown = await client.live(sql).ready.catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: "UNSUPPORTED" });
    expect(String(error).toLowerCase()).toContain(word.toLowerCase());
  }
});

test("LQ-11 ST-03 a live set resumes across a restart of the server, deletes included", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-restart-"));
  let current = await startTestServer({}, { folder });
  const port = Number(new URL(current.url).port);
  await current.root.sql("CREATE NAMESPACE n; CREATE USER TABLE n.t (id BIGINT PRIMARY KEY, v INT)");
  await current.root.sql("INSERT INTO n.t (id, v) VALUES (1, 1), (2, 2), (3, 3)");
  const client = createClient({
    url: current.url,
    auth: { user: "root", password: "correct-horse-battery-42" },
    reconnect: { initialDelayMs: 5, maxDelayMs: 20 },
  });
  const live = client.live("SELECT * FROM n.t");
  await live.ready;
  const resets: unknown[] = [];
  live.onChange((differences) => resets.push(...differences));
  await current.stop();
  current = await startTestServer({ "server.port": 0 }, { folder });
  await current.root.sql("DELETE FROM n.t WHERE id = 2; UPDATE n.t SET v = 30 WHERE id = 3; STORAGE FLUSH TABLE n.t");
  await until(
    async () =>
      (await current.root.rows("SELECT count(*) FROM system.jobs WHERE status = 'completed'"))[0]?.[0] === "1",
  );
  await current.stop();
  current = await startTestServer({ "server.port": port }, { folder });
  await until(() => live.size === 2);
  expect(live.rows().map((row) => [row["id"], row["v"]])).toEqual([
    [1n, 1],
    [3n, 30],
  ]);
  // Only what changed was told: the row that stayed was not sent again.
  expect(resets.length).toBe(2);
  client.disconnect();
  await current.stop();
  await rm(folder, { recursive: true, force: true });
});
