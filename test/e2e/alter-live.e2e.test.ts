// ALTER TABLE under live queries: what subscribers of both families receive, and which of them end.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createClient, type KalamClient, type LiveSet } from "../../src/link/index.ts";
import { breakableNetwork } from "../support/breakable-socket.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let alice: TestUser;
let table = "";
let tables = 0;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  alice = await server.user("alice");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  tables += 1;
  table = `app.t${tables}`;
  await server.root.sql(
    `CREATE SHARED TABLE ${table} (id INT PRIMARY KEY, room TEXT, n INT) WITH (ACCESS_LEVEL = 'PUBLIC')`,
  );
  await server.root.sql(`INSERT INTO ${table} VALUES (1, 'a', 1)`);
});

function clientOf(format: "json" | "msgpack"): KalamClient {
  return createClient({ url: server.url, auth: { token: alice.token }, format });
}

/** A live set with what it said of its columns. */
async function watch(client: KalamClient, sql: string): Promise<LiveSet> {
  const live = client.live(sql);
  await live.ready;
  return live;
}

const row = (live: LiveSet, id: number): unknown => {
  const found = live.rows().find((each) => each["id"] === id);
  return found === undefined ? undefined : Object.entries(found).filter(([name]) => !name.startsWith("_"));
};

describe.each(["json", "msgpack"] as const)("LQ-15 native client, %s", (format) => {
  test("SELECT * grows: the schema comes before the first row of the new shape", async () => {
    await using client = clientOf(format);
    const seen: unknown[] = [];
    for await (const event of client.subscribe(`SELECT * FROM ${table}`)) {
      if (event.kind === "ready") {
        await server.root.sql(`ALTER TABLE ${table} ADD COLUMN c TEXT DEFAULT 'x', DROP COLUMN room`);
        await server.root.sql(`INSERT INTO ${table} (id, n) VALUES (2, 2)`);
        await server.root.sql(`UPDATE ${table} SET n = 3 WHERE id = 1`);
      } else if (event.kind === "schema") {
        seen.push(event.columns.map(({ name }) => name));
      } else if (event.kind === "insert") {
        seen.push(event.row["c"]);
      } else if (event.kind === "update") {
        seen.push([event.row["c"], event.old?.["n"]]);
        break;
      }
    }
    expect(seen).toEqual([["id", "n", "c", "_seq", "_deleted"], "x", ["x", 1]]);
  });

  test.each(["disconnect", "latest"] as const)(
    "a live set goes on with the new column, and without the dropped one; when slow: %s",
    async (slowConsumer) => {
      await using client = clientOf(format);
      const live = client.live(`SELECT * FROM ${table}`, { slowConsumer });
      await live.ready;
      await server.root.sql(
        `ALTER TABLE ${table} ADD COLUMN c BIGINT DEFAULT 7, DROP COLUMN room, ALTER n TYPE BIGINT`,
      );
      await server.root.sql(`INSERT INTO ${table} (id, n) VALUES (2, 2)`);
      await until(() => live.size === 2);
      expect<unknown>(row(live, 2)).toEqual([
        ["id", 2],
        ["n", 2n],
        ["c", 7n],
      ]);
      await server.root.sql(`UPDATE ${table} SET n = 5 WHERE id = 1`);
      await until(() => live.rows()[0]?.["n"] === 5n);
      expect<unknown>(row(live, 1)).toEqual([
        ["id", 1],
        ["n", 5n],
        ["c", 7n],
      ]);
      expect(live.error).toBeUndefined();
    },
  );

  test("a list that the change leaves alone goes on as it is, its filter under the new positions", async () => {
    await using client = clientOf(format);
    const live = await watch(client, `SELECT id, n FROM ${table} WHERE n > 0`);
    await server.root.sql(`ALTER TABLE ${table} DROP COLUMN room, ADD COLUMN c INT`);
    await server.root.sql(`INSERT INTO ${table} (id, n, c) VALUES (2, 5, -1), (3, -5, 1)`);
    await server.root.sql(`UPDATE ${table} SET n = -1 WHERE id = 1`);
    await until(() => live.size === 1 && live.rows()[0]?.["id"] === 2);
    expect<unknown>(row(live, 2)).toEqual([
      ["id", 2],
      ["n", 5],
    ]);
  });

  test.each([
    ["the list", "SELECT id, room FROM t", "DROP COLUMN room", 'Column "room" was dropped from table'],
    ["the filter", "SELECT id FROM t WHERE room = 'a'", "DROP COLUMN room", 'Column "room" was dropped from table'],
    ["the list", "SELECT id, room FROM t", "RENAME room TO place", 'Column "room" was renamed to "place" in table'],
    [
      "the filter, though another column has its name now,",
      "SELECT * FROM t WHERE n > 0",
      "RENAME n TO m, ADD n INT",
      'Column "n" was renamed to "m" in table',
    ],
  ])("a live query that names in %s what is gone ends and says so", async (_where, sql, action, message) => {
    await using client = clientOf(format);
    const live = await watch(client, sql.replace("t ", `${table} `).replace(/ t$/, ` ${table}`));
    const other = await watch(client, `SELECT * FROM ${table}`);
    await server.root.sql(`ALTER TABLE ${table} ${action}`);
    await until(() => live.error !== undefined);
    expect(live.error?.code).toBe("COLUMN_NOT_FOUND");
    expect(live.error?.message).toContain(message);
    await server.root.sql(`INSERT INTO ${table} (id) VALUES (2)`);
    await until(() => other.size === 2);
  });

  test("who may no longer read the table hears nothing more of it", async () => {
    await using client = clientOf(format);
    const live = await watch(client, `SELECT * FROM ${table}`);
    await using root = createClient({ url: server.url, auth: { token: server.root.token }, format });
    const allowed = await watch(root, `SELECT * FROM ${table}`);
    await server.root.sql(`ALTER TABLE ${table} SET ACCESS LEVEL PRIVATE`);
    await until(() => live.error !== undefined);
    expect(live.error?.code).toBe("PERMISSION_DENIED");
    await server.root.sql(`INSERT INTO ${table} (id) VALUES (2)`);
    await until(() => allowed.size === 2);
    expect(live.size).toBe(1);
  });
});

describe.each(["json", "msgpack"] as const)("LQ-15 peer client, %s", (format) => {
  test("the events that follow have the new columns; a dropped one ends its live query", async () => {
    await using client = new PeerClient({ url: server.url, token: alice.token, format });
    await client.connect();
    client.subscribe("all", `SELECT * FROM ${table}`);
    client.subscribe("room", `SELECT id, room FROM ${table}`);
    await client.until(() => client.isReady("all") && client.isReady("room"));
    await server.root.sql(`ALTER TABLE ${table} DROP COLUMN room, ADD COLUMN c INT DEFAULT 7`);
    await server.root.sql(`INSERT INTO ${table} (id, n) VALUES (2, 2)`);
    await server.root.sql(`UPDATE ${table} SET c = 8 WHERE id = 1`);
    await client.until(() => client.said("change", "all").length === 2 && client.said("error", "room").length === 1);
    const [inserted, updated] = client.said("change", "all");
    expect(inserted).toMatchObject({ change_type: "insert", rows: [{ id: 2, n: 2, c: 7 }] });
    expect(updated).toMatchObject({
      change_type: "update",
      rows: [{ id: 1, n: 1, c: 8 }],
      old_values: [{ id: 1, c: 7 }],
    });
    expect(inserted?.["rows"]).not.toMatchObject([{ room: null }]);
    expect(client.said("error", "room")[0]).toMatchObject({ code: "COLUMN_NOT_FOUND" });
    expect(client.said("change", "room")).toEqual([]);
  });

  test("one that pages through its snapshot finishes it, then follows the new shape", async () => {
    await server.root.sql(
      `INSERT INTO ${table} (id, n) VALUES ${Array.from({ length: 30 }, (_, i) => `(${i + 2}, 0)`).join(", ")}`,
    );
    await using client = new PeerClient({ url: server.url, token: alice.token, format });
    await client.connect();
    client.subscribe("s", `SELECT * FROM ${table}`, { batchSize: 4 });
    await client.until(() => client.said("initial_data_batch", "s").length > 0);
    await server.root.sql(`ALTER TABLE ${table} DROP COLUMN room, ADD COLUMN c INT DEFAULT 7`);
    await server.root.sql(`UPDATE ${table} SET n = 9 WHERE id = 31`);
    await client.until(() => client.isReady("s") && client.rows("s").some((each) => each["n"] === 9));
    expect(client.rows("s").length).toBe(31);
    expect(client.rows("s").find((each) => each["id"] === 31)).toMatchObject({ n: 9, c: 7 });
  });
});

describe("LQ-09 LQ-15 a live query with a sub-query", () => {
  const ended = async (live: LiveSet): Promise<string | undefined> => {
    await until(() => live.error !== undefined);
    return live.error?.code;
  };
  let other = "";
  let sql = "";

  beforeEach(async () => {
    other = `${table}_o`;
    await server.root.sql(
      `CREATE SHARED TABLE ${other} (id INT PRIMARY KEY, n INT, m INT) WITH (ACCESS_LEVEL = 'PUBLIC')`,
    );
    await server.root.sql(`INSERT INTO ${other} VALUES (1, 1, 2)`);
    sql = `SELECT * FROM ${table} WHERE n IN (SELECT n FROM ${other})`;
  });

  test("goes on when the other table gets or loses a column that it does not name", async () => {
    await using client = clientOf("json");
    const live = await watch(client, sql);
    await server.root.sql(`ALTER TABLE ${other} ADD COLUMN c INT, DROP COLUMN m`);
    await server.root.sql(`INSERT INTO ${table} VALUES (2, 'a', 5)`);
    await server.root.sql(`INSERT INTO ${other} (id, n) VALUES (2, 5)`);
    await until(() => live.size === 2);
    await server.root.sql(`DELETE FROM ${other} WHERE id = 1`);
    await until(() => live.size === 1);
    expect([row(live, 2), live.error]).toEqual([
      [
        ["id", 2],
        ["room", "a"],
        ["n", 5],
      ],
      undefined,
    ]);
  });

  test.each([
    ["a named column goes", "o.n", "DROP COLUMN n", "COLUMN_NOT_FOUND"],
    ["its name means a column of the outer query then", "n", "DROP COLUMN n", "SUBSCRIPTION_FAILED"],
    ["another column takes over the name", "n", "RENAME n TO old, RENAME m TO n", "SUBSCRIPTION_FAILED"],
    ["it may not be read any more", "n", "SET ACCESS LEVEL PRIVATE", "PERMISSION_DENIED"],
  ])("ends when %s", async (_why, column, action, code) => {
    await using client = clientOf("json");
    const live = await watch(client, `SELECT * FROM ${table} WHERE n IN (SELECT ${column} FROM ${other} AS o)`);
    await server.root.sql(`ALTER TABLE ${other} ${action}`);
    expect(await ended(live)).toBe(code);
  });

  test("shows its own rows in their new layout, and goes on with it", async () => {
    await using client = clientOf("msgpack");
    const live = await watch(client, sql);
    await server.root.sql(`ALTER TABLE ${table} ADD COLUMN c INT DEFAULT 7`);
    await until(() => live.rows().find(({ id }) => id === 1)?.["c"] === 7);
    await server.root.sql(`UPDATE ${table} SET c = 8 WHERE id = 1`);
    await until(() => live.rows().find(({ id }) => id === 1)?.["c"] === 8);
  });
});

describe("LQ-15 a page that is read after the table was altered, for a client that pages by itself", () => {
  const ids = (peer: PeerClient): unknown[] => peer.rows("s").map(({ id }) => id);
  const shown = (peer: PeerClient): unknown[] =>
    peer.said("initial_data_batch").flatMap(({ rows }) => (Array.isArray(rows) ? rows : []));

  async function firstPage(): Promise<PeerClient> {
    await server.root.sql(`INSERT INTO ${table} VALUES (2, 'b', 2), (3, 'c', 3)`);
    const peer = new PeerClient({ url: server.url, token: alice.token });
    await peer.connect();
    peer.pages = false;
    peer.subscribe("s", `SELECT * FROM ${table}`, { batchSize: 1 });
    await peer.until(() => peer.said("initial_data_batch").length === 1);
    return peer;
  }

  test.each([
    [
      "of a dropped column shows nothing that no row had",
      "DROP COLUMN room",
      [{ id: 1, room: "a" }, { id: 2 }, { id: 3 }],
    ],
    [
      "of a wider column has its type",
      "ALTER COLUMN n TYPE BIGINT",
      [
        { id: 1, n: 1 },
        { id: 2, n: "2" },
        { id: 3, n: "3" },
      ],
    ],
  ])("%s", async (_what, action, rows) => {
    await using peer = await firstPage();
    await server.root.sql(`ALTER TABLE ${table} ${action}`);
    await server.root.job(`STORAGE FLUSH TABLE ${table}`);
    peer.pages = true;
    peer.nextBatch("s");
    await peer.until(() => peer.isReady("s"));
    expect(peer.closed).toBeUndefined();
    expect(ids(peer)).toEqual([1, 2, 3]);
    expect(shown(peer)).toMatchObject(rows);
    const columns = shown(peer).map((row) => Object.keys(row ?? {}).filter((name) => !name.startsWith("_")).length);
    expect(columns).toEqual(action.startsWith("DROP") ? [3, 2, 2] : [3, 3, 3]);
  });

  test("of a table that got another column goes on in the layout it began with", async () => {
    await using peer = await firstPage();
    await server.root.sql(`ALTER TABLE ${table} ADD COLUMN c INT DEFAULT 5, RENAME COLUMN n TO m`);
    peer.pages = true;
    peer.nextBatch("s");
    await peer.until(() => peer.isReady("s"));
    expect(shown(peer)).toMatchObject([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(peer.closed).toBeUndefined();
  });
});

test("LQ-11 LQ-15 a client that comes back to another column of the same name begins anew", async () => {
  const network = breakableNetwork();
  await server.root.sql(`INSERT INTO ${table} VALUES (101, 'a', 77)`);
  await using client = createClient({
    url: server.url,
    auth: { token: alice.token },
    webSocket: network.webSocket,
    reconnect: { initialDelayMs: 300, maxDelayMs: 300 },
  });
  const live = client.live(`SELECT id FROM ${table} WHERE n = 77`);
  await live.ready;
  expect(live.rows()).toHaveLength(1);
  network.cut();
  await server.root.sql(`ALTER TABLE ${table} DROP COLUMN n`);
  await server.root.sql(`ALTER TABLE ${table} ADD COLUMN n INT DEFAULT 2`);
  await server.root.sql(`INSERT INTO ${table} (id, n) VALUES (102, 77)`);
  while (!live.rows().some(({ id }) => id === 102)) await Bun.sleep(5);
  expect(live.rows().map(({ id }) => id)).toEqual([102]);
});

test("LQ-15 L17 altered again while its live queries are planned again, each of them is told of every version, and of its rows in it", async () => {
  const rooms = Array.from({ length: 300 }, (_, n) => `r${n}`);
  await using client = clientOf("json");
  let ready = 0;
  const follow = async (room: string): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for await (const event of client.subscribe(`SELECT * FROM ${table} WHERE room = $1`, { params: [room] })) {
      if (event.kind === "ready") ready += 1;
      if (event.kind === "schema") seen.push(event.columns.map(({ name }) => name).slice(3, -2));
      if (event.kind === "insert") seen.push([event.row["c"], event.row["d"]]);
      if (event.kind === "update") break;
    }
    return seen;
  };
  const following = Promise.all(rooms.map(follow));
  await until(() => ready === rooms.length);
  const row = (index: number, values: string): string => `(${index + 10}, 'r${index}', 0, ${values})`;
  // One request: the versions follow each other faster than live queries are planned.
  await server.root.sql(
    `ALTER TABLE ${table} ADD COLUMN c TEXT; INSERT INTO ${table} VALUES ${row(299, "'c'")};
     ALTER TABLE ${table} DROP COLUMN c, ADD COLUMN d INT`,
  );
  await server.root.sql(
    `INSERT INTO ${table} VALUES ${rooms
      .slice(0, -1)
      .map((_, index) => row(index, "4"))
      .join(", ")}`,
  );
  await server.root.sql(`UPDATE ${table} SET n = 1 WHERE n = 0`);
  const told = rooms.slice(0, -1).map(() => [["c"], ["d"], [undefined, 4]]);
  expect(await following).toEqual([...told, [["c"], ["c", undefined], ["d"]]]);
});
