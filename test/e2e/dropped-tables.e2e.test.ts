import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "../../src/link/index.ts";
import { breakableNetwork } from "../support/breakable-socket.ts";
import { startTestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

function segmentFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".parquet"));
}

test("TB-01 ST-03 DROP TABLE frees the name at once, and the table's files and rows go while the server runs; a table of the same name is another one", async () => {
  await using server = await startTestServer();
  const { root } = server;
  const storage = join(server.folder, "storage");
  await root.sql("CREATE NAMESPACE app");
  for (const table of ["notes", "kept"]) {
    await root.sql(`CREATE USER TABLE app.${table} (id BIGINT PRIMARY KEY, body TEXT)`);
    await root.sql(`INSERT INTO app.${table} VALUES (1, 'flushed')`);
    await root.sql(`STORAGE FLUSH TABLE app.${table}`);
    await until(() => segmentFiles(join(storage, "app")).some((path) => path.startsWith(table)), "flushed");
    await root.sql(`INSERT INTO app.${table} VALUES (2, 'buffered')`);
  }
  await root.sql("DROP TABLE app.notes");
  expect((await root.fails("SELECT * FROM app.notes")).reason).toBe("TABLE_NOT_FOUND");
  await root.sql("CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)");
  await root.sql("INSERT INTO app.notes VALUES (1, 'new')");
  await until(() => segmentFiles(join(storage, "app")).length === 1, "swept");
  expect(await root.rows("SELECT id, body FROM app.notes")).toEqual([["1", "new"]]);
  const kept = await root.rows("SELECT id, body FROM app.kept ORDER BY id");
  expect(kept).toEqual([
    ["1", "flushed"],
    ["2", "buffered"],
  ]);
});

test("LQ-11 LQ-15 a client that comes back to a table that was dropped and created again forgets the rows of the old one", async () => {
  await using server = await startTestServer();
  const { root } = server;
  const network = breakableNetwork();
  const create = "CREATE SHARED TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT)";
  await root.sql(`CREATE NAMESPACE app; ${create}; INSERT INTO app.notes VALUES (1, 'old')`);
  await using client = createClient({
    url: server.url,
    auth: { token: root.token },
    webSocket: network.webSocket,
    reconnect: { initialDelayMs: 300, maxDelayMs: 300 },
  });
  const live = client.live("SELECT id, body FROM app.notes");
  await live.ready;
  expect(live.rows().map(({ body }) => body)).toEqual(["old"]);
  network.cut();
  await until(async () => (await root.rows("SELECT 1 FROM system.live_queries")).length === 0, "gone");
  await root.sql(`DROP TABLE app.notes; ${create}; INSERT INTO app.notes VALUES (2, 'new')`);
  await until(() => live.rows().some(({ body }) => body === "new"), "back");
  expect(live.rows().map(({ body }) => body)).toEqual(["new"]);
});
