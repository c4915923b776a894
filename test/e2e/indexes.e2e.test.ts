// TB-02 TB-06 TB-09: indexes of buffered rows, by what a client sees of them: answers stay as they are, EXPLAIN says which index is used, and whatever happens to
// the table happens to them.
import { describe, expect, test } from "bun:test";
import { PeerClient } from "../support/peer-client.ts";
import { type SqlReply, startTestServer, type TestServer } from "../support/test-server.ts";

/** More than are indexed inside the statement's transaction. */
const MANY = 6_000;
const NAMESPACE = "CREATE NAMESPACE app";

async function explained(server: TestServer, sql: string): Promise<string> {
  return (await server.root.rows(`EXPLAIN ${sql}`)).map(([line]) => line).join("\n");
}

async function fill(server: TestServer, table: string, rows: number): Promise<void> {
  for (let start = 1; start <= rows; start += 2_000) {
    const end = Math.min(start + 1_999, rows);
    await server.root.sql(
      `INSERT INTO ${table} (id, room, n) SELECT g, 'room' || (g % 100), g % 7 FROM generate_series(${start}, ${end}) AS s(g)`,
    );
  }
}

describe.each([
  ["few", 50],
  ["many", MANY],
])("of %s rows", (_size, rows) => {
  test.each(["USER", "SHARED"])("TB-06 an index of a %s table is used and changes no answer", async (kind) => {
    await using server = await startTestServer();
    await server.root.sql(`${NAMESPACE}; CREATE ${kind} TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
    await fill(server, "app.t", rows);
    const queries = [
      "SELECT id FROM app.t WHERE room = 'room7' ORDER BY id",
      "SELECT count(*) FROM app.t WHERE room > 'room7' AND n = 3",
      "SELECT id, n FROM app.t WHERE room IN ('room1', 'room42') ORDER BY n DESC, id LIMIT 5",
    ];
    const before = await Promise.all(queries.map((sql) => server.root.rows(sql)));
    expect(await explained(server, queries[0] ?? "")).not.toContain("Index");
    const made = await server.root.sql("CREATE INDEX t_room ON app.t USING btree (room, n DESC)");
    expect(made.message).toBe("Index app.t_room on app.t created successfully");
    expect(await explained(server, queries[0] ?? "")).toContain("Index of buffered rows: t_room");
    expect(await Promise.all(queries.map((sql) => server.root.rows(sql)))).toEqual(before);
    // Rows that come later are in it too, and those of others are not seen through it.
    await server.root.sql("INSERT INTO app.t VALUES (1000000, 'room7', 1); DELETE FROM app.t WHERE id = 7");
    const ids = (await server.root.rows(queries[0] ?? "")).map(([id]) => Number(id));
    expect(ids).toContain(1_000_000);
    expect(ids).not.toContain(7);
    const other = await server.user("olga");
    if (kind === "USER") expect(await other.rows(queries[0] ?? "")).toEqual([]);
    await server.root.sql("DROP INDEX app.t_room");
    expect(await explained(server, queries[0] ?? "")).not.toContain("Index");
    expect((await server.root.rows(queries[0] ?? "")).map(([id]) => Number(id))).toEqual(ids);
  });
});

test("TB-09 an index follows its columns: a renamed one keeps it, a dropped one takes it along", async () => {
  await using server = await startTestServer();
  await server.root.sql(`${NAMESPACE}; CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
  await fill(server, "app.t", MANY);
  await server.root.sql("CREATE INDEX ON app.t (room); CREATE INDEX ON app.t (n)");
  const [[version] = []] = await server.root.rows("SELECT version FROM system.tables WHERE table_name = 't'");
  expect(version).toBe("1");
  await server.root.sql("ALTER TABLE app.t RENAME COLUMN room TO place, ADD COLUMN more INT DEFAULT 3");
  expect(await explained(server, "SELECT id FROM app.t WHERE place = 'room7'")).toContain("t_room_idx");
  await server.root.sql("ALTER TABLE app.t DROP COLUMN place");
  expect(await server.root.rows("SELECT index_name, definition FROM system.indexes")).toEqual([
    ["t_n_idx", 'CREATE INDEX "t_n_idx" ON app.t ("n")'],
  ]);
  expect(await server.root.rows("SHOW INDEXES FROM app.t")).toEqual([
    ["app.t", "t_n_idx", 'CREATE INDEX "t_n_idx" ON app.t ("n")'],
  ]);
  expect((await server.root.rows("SHOW CREATE TABLE app.t")).map(([name]) => name)).toEqual(["app.t", "t_n_idx"]);
  await server.root.sql("DROP TABLE app.t");
  expect(await server.root.rows("SELECT * FROM system.indexes")).toEqual([]);
});

test("TB-02 writes that come while a large index is built wait for it, are all kept, and are in it", async () => {
  await using server = await startTestServer();
  await server.root.sql(`${NAMESPACE}; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
  await fill(server, "app.t", 2 * MANY);
  const create = (): Promise<SqlReply> => server.root.send("CREATE INDEX t_room ON app.t (room)");
  const built = create();
  const writes = Array.from({ length: 200 }, (_unused, index) =>
    server.root.sql("INSERT INTO app.t VALUES ($1, 'room7', 0)", [String(1_000_000 + index)]),
  );
  const twice = create();
  await Promise.all(writes);
  // Whichever came first.
  const reasons = (await Promise.all([built, twice])).map(({ error }) => error?.reason ?? "made");
  expect(reasons.toSorted()).toEqual(["ALREADY_EXISTS", "made"]);
  expect(await server.root.rows("SELECT count(*) FROM app.t WHERE room = 'room7' AND id >= 1000000")).toEqual([
    ["200"],
  ]);
  expect(await explained(server, "SELECT id FROM app.t WHERE room = 'room7'")).toContain("t_room");
});

test("TB-09 LQ-15 a live query goes on through CREATE INDEX and DROP INDEX, and is told of no new schema", async () => {
  await using server = await startTestServer();
  await server.root.sql(`${NAMESPACE}; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
  await server.root.sql("ALTER TABLE app.t ADD COLUMN more INT");
  await using watcher = new PeerClient({ url: server.url, token: server.root.token });
  await watcher.connect();
  watcher.subscribe("s1", "SELECT id FROM app.t WHERE room = 'a'");
  await watcher.until(() => watcher.isReady("s1"));
  const acks = watcher.said("subscription_ack").length;
  await server.root.sql("CREATE INDEX t_room ON app.t (room)");
  await server.root.sql("INSERT INTO app.t (id, room) VALUES (1, 'a')");
  await server.root.sql("DROP INDEX app.t_room");
  await server.root.sql("INSERT INTO app.t (id, room) VALUES (2, 'a')");
  await watcher.until(() => watcher.rows("s1").length === 2);
  expect(watcher.said("subscription_ack").length).toBe(acks);
  expect(watcher.said("error")).toEqual([]);
});

test("TB-02 what an index cannot be is refused by name", async () => {
  await using server = await startTestServer();
  await server.root.sql(`${NAMESPACE}; CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, doc JSON)`);
  await server.root.sql("CREATE STREAM TABLE app.s (id BIGINT PRIMARY KEY, a INT) WITH (TTL_SECONDS = 60)");
  await server.root.sql("CREATE VIEW app.v AS SELECT room FROM app.t; CREATE INDEX taken ON app.t (room)");
  const refusals: [string, string, RegExp][] = [
    ["CREATE UNIQUE INDEX u ON app.t (room)", "UNSUPPORTED", /CREATE UNIQUE INDEX is not supported/],
    ["CREATE INDEX CONCURRENTLY u ON app.t (room)", "UNSUPPORTED", /CREATE INDEX CONCURRENTLY is not supported/],
    ["CREATE INDEX u ON app.t USING gin (doc)", "UNSUPPORTED", /method gin/],
    ["CREATE INDEX u ON app.t (lower(room))", "UNSUPPORTED", /expression/],
    ["CREATE INDEX u ON app.t ((room || 'x'))", "UNSUPPORTED", /expression/],
    ["CREATE INDEX u ON app.t (room) WHERE room <> ''", "UNSUPPORTED", /WHERE/],
    ["CREATE INDEX u ON app.t (room NULLS LAST)", "UNSUPPORTED", /NULLS/],
    ["CREATE INDEX u ON app.t (room text_pattern_ops)", "UNSUPPORTED", /operator class/],
    ["CREATE INDEX u ON app.t (room) INCLUDE (doc)", "UNSUPPORTED", /INCLUDE/],
    ["CREATE INDEX u ON app.t (doc)", "UNSUPPORTED", /JSON has no order/],
    ["CREATE INDEX u ON app.s (a)", "UNSUPPORTED", /STREAM tables/],
    ["CREATE INDEX u ON app.v (room)", "INVALID_SQL", /is a view/],
    ["CREATE INDEX u ON app.t (nothing)", "COLUMN_NOT_FOUND", /column "nothing" does not exist/],
    ["CREATE INDEX u ON app.nothing (a)", "TABLE_NOT_FOUND", /does not exist/],
    ["CREATE INDEX u ON app.t (id)", "ALREADY_EXISTS", /primary key/],
    ["CREATE INDEX u ON app.t (room, room)", "INVALID_SQL", /once/],
    ["CREATE INDEX u ON app.t (room)", "ALREADY_EXISTS", /app\.taken has the same columns/],
    ["CREATE INDEX taken ON app.t (id, room)", "ALREADY_EXISTS", /already exists/],
    ["DROP INDEX app.nothing", "NOT_FOUND", /does not exist/],
    ["DROP INDEX app.taken CASCADE", "UNSUPPORTED", /CASCADE/],
    ["DROP INDEX taken ON app.s", "NOT_FOUND", /does not exist/],
  ];
  for (const [sql, reason, message] of refusals) {
    const { error } = await server.root.send(sql);
    expect({ sql, reason: error?.reason ?? error?.code }).toEqual({ sql, reason });
    expect(error?.message).toMatch(message);
  }
  const skipped = await server.root.sql("CREATE INDEX IF NOT EXISTS taken ON app.t (id, room)");
  expect(skipped.message).toBe("Index app.taken already exists");
  const gone = await server.root.sql("DROP INDEX IF EXISTS app.nothing");
  expect(gone.message).toBe("Index app.nothing does not exist (skipped)");
  expect((await server.root.sql("DROP INDEX taken ON app.t")).message).toBe("Index app.taken dropped successfully");
});

test("ST-05 an index of a flushed table answers from buffer and files together", async () => {
  await using server = await startTestServer();
  await server.root.sql(`${NAMESPACE}; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, room TEXT, n INT)`);
  await fill(server, "app.t", 300);
  await server.root.sql("CREATE INDEX t_room ON app.t (room)");
  await server.root.job("STORAGE FLUSH TABLE app.t");
  await server.root.sql("UPDATE app.t SET room = 'room8' WHERE id = 7; INSERT INTO app.t VALUES (1000, 'room7', 0)");
  expect(await server.root.rows("SELECT id FROM app.t WHERE room = 'room7' ORDER BY id")).toEqual([
    ["107"],
    ["207"],
    ["1000"],
  ]);
});
