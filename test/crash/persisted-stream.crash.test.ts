// LQ-11 ST-11: `kill -9` in the middle of writes to a persisted STREAM table. What was acknowledged is there again, and a client that was subscribed throughout goes on
// from its cursor, without a reset, and shows what a SELECT gives.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { freePort } from "../support/free-port.ts";
import { ServerProcess } from "../support/server-process.ts";
import { until } from "../support/until.ts";

const ROUNDS = 3;
const PASSWORD = "a-password-for-the-crash-test";

/** Until the server is gone. Three inserts for each delete; only what was acknowledged is in `model`. */
async function writeUntilGone(client: KalamClient, model: Set<number>, first: number): Promise<number> {
  for (let id = first; ; id += 1) {
    const victim = id % 4 === 3 ? [...model].at(0) : undefined;
    try {
      if (victim === undefined) await client.query("INSERT INTO app.feed (id, body) VALUES ($1, 'x')", [id]);
      else await client.query("DELETE FROM app.feed WHERE id = $1", [victim]);
    } catch {
      return id;
    }
    if (victim === undefined) model.add(id);
    else model.delete(victim);
  }
}

async function ids(client: KalamClient): Promise<number[]> {
  const { rows } = await client.query("SELECT id FROM app.feed ORDER BY id");
  return rows.map((row) => Number(row["id"]));
}

/** The ids that the events leave, and how often all had to be sent again. */
async function follow(
  client: KalamClient,
  shown: { ids: Set<number>; resets: number; isReady: boolean },
): Promise<void> {
  for await (const event of client.subscribe("SELECT * FROM app.feed")) {
    if (event.kind === "reset") shown.resets += 1;
    if (event.kind === "ready") shown.isReady = true;
    if (event.kind === "snapshot") for (const row of event.rows) shown.ids.add(Number(row["id"]));
    if (event.kind === "insert") shown.ids.add(Number(event.key?.[0]));
    if (event.kind === "delete") shown.ids.delete(Number(event.key?.[0]));
  }
}

test("LQ-11 ST-11 a kill -9 loses nothing of a persisted STREAM table, and its live queries go on from their cursors", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-feed-"));
  const port = await freePort();
  const model = new Set<number>();
  const shown = { ids: new Set<number>(), resets: 0, isReady: false };
  const start = (): Promise<ServerProcess> => ServerProcess.start({ folder, port, password: PASSWORD });
  const auth = { user: "root", password: PASSWORD };
  const watching = createClient({ url: `http://127.0.0.1:${port}`, auth });
  let following: Promise<void> | undefined;
  try {
    for (let round = 0, next = 1; round <= ROUNDS; round += 1) {
      const server = await start();
      const client = createClient({ url: server.url, auth });
      if (round === 0) {
        await client.batch(
          "CREATE NAMESPACE app; CREATE STREAM TABLE app.feed (id BIGINT PRIMARY KEY, body TEXT) WITH (TTL_SECONDS = 3600, PERSISTED = TRUE)",
        );
        following = follow(watching, shown);
        await until(() => shown.isReady);
      }
      const found = await ids(client);
      const missing = [...model].filter((id) => !found.includes(id));
      // One statement may have been on its way: a row it wrote or ended is either there or not.
      expect(missing.length).toBeLessThanOrEqual(1);
      expect(found.filter((id) => !model.has(id)).length).toBeLessThanOrEqual(1);
      model.clear();
      for (const id of found) model.add(id);
      await until(() => [...shown.ids].sort((a, b) => a - b).join() === found.join(), "the watcher has caught up");
      const writing = writeUntilGone(client, model, next);
      if (round < ROUNDS) {
        await Bun.sleep(150);
        // A busy machine may have acknowledged nothing yet.
        await until(() => model.size > 0);
      }
      await server.end("SIGKILL");
      next = (await writing) + 1;
      client.disconnect();
    }
    expect([shown.resets, shown.ids.size > 0]).toEqual([0, true]);
  } finally {
    watching.disconnect();
    await following?.catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
});
