// TB-09 ST-01: `kill -9` around ALTER TABLE. The table is in the version before or after, whole, and its rows read right in either.
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { ServerProcess } from "../support/server-process.ts";

const ROUNDS = 5;
const PASSWORD = "a-password-for-the-crash-test";

interface Progress {
  /** Columns `c1 …` that an acknowledged ALTER added, and whether one more may be there. */
  columns: number;
  isUnsure: boolean;
  /** Ids of rows whose INSERT was acknowledged. */
  readonly rows: Set<number>;
  nextId: number;
}

/** Column `c<n>` has DEFAULT n, so that every cell of a row tells whether it is right. */
async function alterUntilGone(client: KalamClient, progress: Progress): Promise<void> {
  try {
    for (;;) {
      progress.isUnsure = true;
      const next = progress.columns + 1;
      await client.query(`ALTER TABLE app.t ADD COLUMN c${next} INT NOT NULL DEFAULT ${next}`);
      progress.columns = next;
      progress.isUnsure = false;
    }
  } catch {
    // The server is gone.
  }
}

async function insertUntilGone(client: KalamClient, progress: Progress): Promise<void> {
  try {
    for (;;) {
      const id = (progress.nextId += 1);
      await client.query("INSERT INTO app.t (id) VALUES ($1)", [id]);
      progress.rows.add(id);
      if (id % 40 === 0) await client.query("STORAGE FLUSH TABLE app.t");
    }
  } catch {
    // The server is gone.
  }
}

async function check(client: KalamClient, progress: Progress): Promise<void> {
  const versions = await client.query(
    "SELECT schema_version, is_latest FROM system.schemas WHERE table_name = 't' ORDER BY 1",
  );
  const { rows } = await client.query("SELECT * FROM app.t");
  const added = versions.rows.length - 1;
  expect([progress.columns, progress.columns + (progress.isUnsure ? 1 : 0)]).toContain(added);
  expect(versions.rows.map((row) => row["is_latest"])).toEqual([...Array.from({ length: added }, () => false), true]);
  progress.columns = added;
  const cells = Array.from({ length: added }, (_, index) => index + 1);
  for (const row of rows) expect(cells.map((n) => row[`c${n}`])).toEqual(cells);
  const found = new Set(rows.map((row) => Number(row["id"])));
  expect([...progress.rows].filter((id) => !found.has(id))).toEqual([]);
}

test("TB-09 ST-01 kill -9 leaves a table in one version, its rows whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-alter-"));
  const progress: Progress = { columns: 0, isUnsure: false, rows: new Set(), nextId: 0 };
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      await using server = await ServerProcess.start({ folder, password: PASSWORD });
      await using client = createClient({ url: server.url, auth: { user: "root", password: PASSWORD } });
      if (round === 0) await client.batch("CREATE NAMESPACE app; CREATE SHARED TABLE app.t (id BIGINT PRIMARY KEY)");
      await check(client, progress);
      if (round === ROUNDS) break;
      const under = Promise.all([alterUntilGone(client, progress), insertUntilGone(client, progress)]);
      await Bun.sleep(60 + 40 * round);
      // A busy machine may have altered nothing yet.
      while (progress.columns <= round + 1) await Bun.sleep(5);
      await server.end("SIGKILL");
      await under;
    }
    expect(progress.columns).toBeGreaterThan(ROUNDS);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);
