// Live queries over views: those that are a filter and a list of columns of one table are taken apart, the others are refused by name.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createClient, type KalamClient, type LiveSet } from "../../src/link/index.ts";
import { breakableNetwork } from "../support/breakable-socket.ts";
import { PeerClient } from "../support/peer-client.ts";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

const SETUP = [
  "CREATE NAMESPACE app",
  "CREATE USER TABLE app.notes (id INT PRIMARY KEY, room TEXT, body TEXT, size INT)",
  "CREATE SHARED TABLE app.topics (id INT PRIMARY KEY, label TEXT) WITH (ACCESS_LEVEL = 'PUBLIC')",
  "CREATE VIEW app.small (note, place) AS SELECT n.body, n.room FROM app.notes n WHERE n.size < 10",
  "CREATE VIEW app.small_in_a AS SELECT note FROM app.small WHERE place = 'a'",
  "CREATE VIEW app.everything AS SELECT * FROM app.notes",
];

beforeAll(async () => {
  server = await startTestServer();
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.liveQueriesEnd();
  await server.root.sql("DROP NAMESPACE IF EXISTS other");
  await server.root.sql("DROP NAMESPACE IF EXISTS app");
  for (const sql of SETUP) await server.root.sql(sql);
  for (const user of [alice, bob]) {
    await user.sql(
      `INSERT INTO app.notes VALUES (1, 'a', 'one of ${user.name}', 1), (2, 'b', 'two', 2), (3, 'a', 'large', 30)`,
    );
  }
});

function clientOf(user: TestUser, options: Partial<Parameters<typeof createClient>[0]> = {}): KalamClient {
  return createClient({
    url: server.url,
    auth: { token: user.token },
    reconnect: { initialDelayMs: 10, maxDelayMs: 50 },
    ...options,
  });
}

const shown = (live: LiveSet): string[] => live.rows().map((row) => JSON.stringify(Object.values(row)));

/** Until it shows what a SELECT of the reader gives. */
async function showsFreshSelect(live: LiveSet, user: TestUser, sql: string): Promise<void> {
  const fresh = (await user.rows(sql)).map((row) => JSON.stringify(row)).sort();
  await until(() => JSON.stringify(shown(live).sort()) === JSON.stringify(fresh));
}

describe("LQ-09 a live query on a view", () => {
  test.each([
    ["all of it", "SELECT * FROM app.small"],
    ["a column under the view's name for it", "SELECT place FROM app.small"],
    ["another order and new names", "SELECT place AS p, note AS n FROM app.small"],
    ["with a filter of its own", "SELECT note FROM app.small s WHERE s.place = 'a' AND note LIKE 'o%'"],
    ["a view of a view", "SELECT * FROM app.small_in_a WHERE note <> 'x'"],
    ["a view of *", "SELECT id, body FROM app.everything WHERE room = 'a'"],
    ["a filter with OR", "SELECT note FROM app.small WHERE place = 'b' OR note IS NULL"],
  ])("shows %s as a SELECT does, to each reader their own rows, whatever happens", async (_what, sql) => {
    await using clients = new AsyncDisposableStack();
    const lives: [LiveSet, TestUser][] = [];
    for (const user of [alice, bob]) {
      const live = clients.use(clientOf(user)).live(sql);
      await live.ready;
      lives.push([live, user]);
      await showsFreshSelect(live, user, sql);
    }
    for (const write of [
      "INSERT INTO app.notes VALUES (4, 'a', 'four', 4), (5, 'b', 'five', 50)",
      "UPDATE app.notes SET size = 50 WHERE id = 1",
      "UPDATE app.notes SET size = 5 WHERE id = 3",
      "UPDATE app.notes SET room = 'a' WHERE id = 2",
      "DELETE FROM app.notes WHERE id = 4",
      "UPDATE app.notes SET body = 'on' WHERE id = 3",
    ]) {
      await alice.sql(write);
      for (const [live, user] of lives) await showsFreshSelect(live, user, sql);
    }
  });

  test("is the filter query that it is, and EXPLAIN LIVE says so", async () => {
    const lines = (await server.root.rows("EXPLAIN LIVE SELECT note FROM app.small_in_a WHERE note = 'x'"))
      .flat()
      .map(String);
    for (const line of [
      "Live query on app.notes (user, rows of the caller only)",
      "  View: app.small_in_a",
      "  View: app.small",
      "  Strategy: filter, evaluated on old and new row in the tick of the commit",
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.at(-1)).toMatch(/Routing: .*hash on body.*; range on size/);
  });

  test("is there for peers too", async () => {
    await using client = new PeerClient({ url: server.url, token: alice.token });
    await client.connect();
    client.subscribe("s", "SELECT * FROM app.small_in_a");
    await client.until(() => client.messages.some(({ type }) => type === "initial_data_batch"));
    await alice.sql("INSERT INTO app.notes VALUES (9, 'a', 'nine', 9), (10, 'b', 'ten', 9)");
    await client.until(() => client.messages.some(({ type }) => type === "change"));
    const changes = client.messages.filter(({ type }) => type === "change");
    expect(changes).toMatchObject([{ change_type: "insert", rows: [{ note: "nine" }] }]);
  });

  test.each([
    ["v AS SELECT count(*) FROM app.notes", "an expression in the output list"],
    ["v AS SELECT n.body FROM app.notes n JOIN app.topics t ON t.id = n.id", "JOIN"],
    ["v AS SELECT body FROM app.notes ORDER BY id LIMIT 3", "ORDER BY"],
    ["v AS SELECT DISTINCT room FROM app.notes", "DISTINCT"],
    ["v AS SELECT upper(body) AS body FROM app.notes", "an expression in the output list"],
    ["v AS SELECT x.body FROM (SELECT body FROM app.notes) x", "a sub-query in FROM"],
  ])("is refused by name when the view is more: %s", async (view, what) => {
    await server.root.sql(`CREATE VIEW app.${view}`);
    const { message } = await server.root.fails("EXPLAIN LIVE SELECT * FROM app.v");
    expect(message).toContain(`the view app.v, which has ${what}, in a live query is not supported`);
    await server.root.sql("CREATE VIEW app.vv AS SELECT * FROM app.v");
    expect((await server.root.fails("EXPLAIN LIVE SELECT * FROM app.vv")).message).toContain(
      "the view app.vv, which has the view app.v",
    );
  });

  test("in a sub-query is run again", async () => {
    const sql = "SELECT id, label FROM app.topics WHERE label IN (SELECT note FROM app.small)";
    await server.root.sql("INSERT INTO app.topics VALUES (1, 'two'), (2, 'seven')");
    await using client = clientOf(alice);
    const live = client.live(sql);
    await live.ready;
    await showsFreshSelect(live, alice, sql);
    await alice.sql("INSERT INTO app.notes VALUES (7, 'c', 'seven', 7)");
    await until(() => live.size === 2);
    await alice.sql("UPDATE app.notes SET size = 70 WHERE id = 7");
    await until(() => live.size === 1);
  });
});

describe("LQ-15 a view with live queries", () => {
  test("is not dropped, and says how many there are", async () => {
    await server.root.sql("CREATE NAMESPACE other");
    await server.root.sql("CREATE VIEW other.v AS SELECT body FROM app.notes");
    const drops = [
      ["DROP VIEW app.small_in_a", "Cannot drop view 'app.small_in_a': 1 active live query"],
      ["DROP NAMESPACE other", "Cannot drop view 'other.v': 1 active live query"],
    ] as const;
    {
      await using client = clientOf(alice);
      await client.live("SELECT * FROM app.small_in_a").ready;
      await client.live("SELECT * FROM other.v").ready;
      for (const [drop, text] of drops) expect((await server.root.fails(drop)).message).toContain(text);
    }
    await server.root.liveQueriesEnd();
    for (const [drop] of drops) await server.root.sql(drop);
  });

  test.each([
    ["SELECT * FROM app.small"],
    ["SELECT * FROM app.small_in_a"],
    ["SELECT id, body FROM app.notes WHERE body IN (SELECT note FROM app.small)"],
  ])("that gets another text shows what that selects: %s", async (sql) => {
    await using client = clientOf(alice);
    const live = client.live(sql);
    await live.ready;
    await showsFreshSelect(live, alice, sql);
    // Nothing is written: whoever would only go on from the cursor would show the old rows.
    await server.root.sql(
      "CREATE OR REPLACE VIEW app.small (note, place) AS SELECT body, room FROM app.notes WHERE size > 10",
    );
    await showsFreshSelect(live, alice, sql);
    await alice.sql("INSERT INTO app.notes VALUES (6, 'a', 'six', 60), (7, 'a', 'seven', 7)");
    await showsFreshSelect(live, alice, sql);
  });

  test("that gets another text leaves the live queries of its table alone", async () => {
    await using client = clientOf(alice);
    const live = client.live("SELECT body, room FROM app.notes WHERE size < 10");
    await live.ready;
    await client.live("SELECT * FROM app.small").ready;
    const before = await server.root.rows("SELECT live_id FROM system.live_queries WHERE query LIKE '%app.notes%'");
    await server.root.sql(
      "CREATE OR REPLACE VIEW app.small (note, place) AS SELECT body, room FROM app.notes WHERE size > 10",
    );
    expect(await server.root.rows("SELECT live_id FROM system.live_queries WHERE query LIKE '%app.notes%'")).toEqual(
      before,
    );
    expect(live.error).toBeUndefined();
  });

  test("LQ-11 who was away when it got another text, or was dropped and made again, begins anew", async () => {
    for (const changes of [
      ["CREATE OR REPLACE VIEW app.small (note, place) AS SELECT body, room FROM app.notes WHERE size > 10"],
      [
        "DROP VIEW app.small_in_a",
        "DROP VIEW app.small",
        "CREATE VIEW app.small (note, place) AS SELECT body, room FROM app.notes",
      ],
    ]) {
      const { webSocket, cut } = breakableNetwork();
      await using client = clientOf(alice, { webSocket, reconnect: { initialDelayMs: 300, maxDelayMs: 300 } });
      const sql = "SELECT * FROM app.small";
      const live = client.live(sql);
      await live.ready;
      cut();
      await server.root.liveQueriesEnd();
      for (const change of changes) await server.root.sql(change);
      await showsFreshSelect(live, alice, sql);
    }
  });

  test("LQ-11 that gets another text shows older rows than the cursor to our client over the older protocol too", async () => {
    await server.root.sql("CREATE VIEW app.keyed AS SELECT id, body FROM app.notes WHERE size < 10");
    await using client = clientOf(alice, { protocol: "peer" });
    const live = client.live("SELECT id, body FROM app.keyed");
    await live.ready;
    await alice.sql("UPDATE app.notes SET size = 3 WHERE id = 1");
    await until(() => live.rows().length === 2);
    await server.root.sql("CREATE OR REPLACE VIEW app.keyed AS SELECT id, body FROM app.notes WHERE size > 10");
    await until(
      () =>
        live
          .rows()
          .map((row) => row["body"])
          .join() === "large",
    );
  });

  test("goes on when a column is added to its table", async () => {
    await using client = clientOf(alice);
    const sql = "SELECT * FROM app.small";
    const live = client.live(sql);
    await live.ready;
    await server.root.sql("ALTER TABLE app.notes ADD COLUMN more TEXT DEFAULT 'm'");
    await alice.sql("INSERT INTO app.notes (id, room, body, size) VALUES (8, 'a', 'eight', 8), (9, 'a', 'nine', 90)");
    await showsFreshSelect(live, alice, sql);
  });

  test("gives no right that its reader lacks", async () => {
    await server.root.sql(
      "CREATE SHARED TABLE app.secrets (id INT PRIMARY KEY, word TEXT) WITH (ACCESS_LEVEL = 'PRIVATE')",
    );
    await server.root.sql("CREATE VIEW app.leak AS SELECT word FROM app.secrets");
    await using client = clientOf(alice);
    const live = client.live("SELECT * FROM app.leak");
    expect(await live.ready.catch((error: unknown) => error)).toMatchObject({ code: "PERMISSION_DENIED" });
  });
});
