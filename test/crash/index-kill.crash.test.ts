// TB-02 ST-03: `kill -9` around CREATE INDEX and DROP INDEX of a buffer too large to be indexed in one step. The index is there or not, whole; rows and answers are
// as they were, and an index that was acknowledged stays.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { ServerProcess } from "../support/server-process.ts";

const ROUNDS = 5;
const ROWS = 20_000;
const ROOMS = 50;
const PASSWORD = "a-password-for-the-crash-test";

interface Progress {
  /** As far as acknowledged; undefined: a statement was under way. */
  hasIndex: boolean | undefined;
  changes: number;
  /** Ids of rows whose INSERT was acknowledged. */
  readonly rows: Set<number>;
  nextId: number;
}

async function changeUntilGone(client: KalamClient, progress: Progress): Promise<void> {
  try {
    for (;;) {
      const { hasIndex } = progress;
      progress.hasIndex = undefined;
      await client.query(hasIndex ? "DROP INDEX app.t_room" : "CREATE INDEX t_room ON app.t (room)");
      progress.hasIndex = !hasIndex;
      progress.changes += 1;
    }
  } catch {
    // The server is gone.
  }
}

async function insertUntilGone(client: KalamClient, progress: Progress): Promise<void> {
  try {
    for (;;) {
      const id = (progress.nextId += 1);
      await client.query("INSERT INTO app.t (id, room) VALUES ($1, 'room7')", [id]);
      progress.rows.add(id);
    }
  } catch {
    // The server is gone.
  }
}

async function check(client: KalamClient, progress: Progress): Promise<void> {
  const { rows: indexes } = await client.query("SELECT index_name FROM system.indexes");
  const hasIndex = indexes.length === 1;
  if (progress.hasIndex !== undefined) expect(hasIndex).toBe(progress.hasIndex);
  progress.hasIndex = hasIndex;
  const { rows: lines } = await client.query("EXPLAIN SELECT id FROM app.t WHERE room = 'room7'");
  expect(JSON.stringify(lines).includes("t_room")).toBe(hasIndex);
  const { rows } = await client.query("SELECT id FROM app.t WHERE room = 'room7'");
  const found = new Set(rows.map(({ id }) => Number(id)));
  expect([...progress.rows].filter((id) => !found.has(id))).toEqual([]);
  // The same without an index to go by.
  const { rows: counted } = await client.query("SELECT count(*) AS n FROM app.t WHERE room || '' = 'room7'");
  expect(Number(counted[0]?.["n"])).toBe(found.size);
}

test("TB-02 ST-03 kill -9 leaves an index whole or not at all, and never an answer that it changes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-index-"));
  const progress: Progress = { hasIndex: false, changes: 0, rows: new Set(), nextId: 1_000_000 };
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      await using server = await ServerProcess.start({ folder, password: PASSWORD });
      await using client = createClient({ url: server.url, auth: { user: "root", password: PASSWORD } });
      if (round === 0) {
        await client.batch("CREATE NAMESPACE app; CREATE USER TABLE app.t (id BIGINT PRIMARY KEY, room TEXT)");
        await client.query(
          `INSERT INTO app.t SELECT g, 'room' || (g % ${ROOMS}) FROM generate_series(1, ${ROWS}) AS s(g)`,
        );
      }
      await check(client, progress);
      if (round === ROUNDS) break;
      const before = progress.changes;
      const under = Promise.all([changeUntilGone(client, progress), insertUntilGone(client, progress)]);
      await Bun.sleep(37 * round);
      // A busy machine may have changed nothing yet.
      while (round > 0 && progress.changes <= before) await Bun.sleep(5);
      await Bun.sleep(23 * round);
      await server.end("SIGKILL");
      await under;
    }
    expect(progress.changes).toBeGreaterThanOrEqual(ROUNDS - 1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);
