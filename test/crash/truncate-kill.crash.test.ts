// TB-02 ST-03: a whole server is ended with SIGKILL at every step of a TRUNCATE of many rows. After the next start all of them are there or none is, and what was
// acknowledged stays.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { startTestServer } from "../support/test-server.ts";
import { arm } from "./kill-plan.ts";
import { crashSettings } from "./kill-settings.ts";
import { clientAt, startKilledServer } from "./killed-server.ts";

/** Of them the first are flushed. More than are deleted one by one. */
const ROWS = 20_500;
const FLUSHED = 10_000;

let prepared = "";

beforeAll(async () => {
  prepared = await mkdtemp(join(tmpdir(), "kalamdb-truncate-"));
  await using server = await startTestServer(crashSettings(prepared, await freePort()), { folder: prepared });
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.topics (id BIGINT PRIMARY KEY, label TEXT)");
  await root.sql(`INSERT INTO app.topics SELECT g, 'a' FROM generate_series(1, ${FLUSHED}) AS g`);
  await root.job("STORAGE FLUSH TABLE app.topics");
  await root.sql(`INSERT INTO app.topics SELECT g, 'a' FROM generate_series(${FLUSHED + 1}, ${ROWS}) AS g`);
});

afterAll(async () => {
  await rm(prepared, { recursive: true, force: true });
});

test.each([
  ["writer commit", 1],
  ["writer committed", 1],
  // What removes the rows.
  ["writer commit", 2],
  ["writer committed", 3],
] as const)(
  "TB-02 ST-03 a kill -9 in a TRUNCATE at '%s', time %d: all rows are there or none, and no file is left over",
  async (step, hit) => {
    const folder = await mkdtemp(join(tmpdir(), "kalamdb-step-"));
    try {
      await cp(prepared, folder, { recursive: true });
      const port = await freePort();
      const child = startKilledServer(folder, port, { step, hit });
      await child.ready;
      await using client = clientAt(port);
      await client.query("SELECT 1");
      arm(folder);
      const answered = await client.query("TRUNCATE app.topics").then(
        () => true,
        () => false,
      );
      await child.process.exited;
      expect(child.process.signalCode).toBe("SIGKILL");
      await using next = await startTestServer(crashSettings(folder, port), { folder });
      const counts = "SELECT count(*), count(label), count(DISTINCT id) FROM app.topics";
      const [counted = []] = await next.root.rows(counts);
      expect(counted).toEqual(
        Array.from({ length: 3 }, () => (step === "writer commit" && hit === 1 ? String(ROWS) : "0")),
      );
      if (answered) expect(counted[0]).toBe("0");
      await next.root.sql("UPSERT INTO app.topics VALUES (5, 'new')");
      expect(await next.root.rows("SELECT label FROM app.topics WHERE id = 5 AND label = 'new'")).toEqual([["new"]]);
      const segments = await next.root.rows("SELECT path FROM system.segments ORDER BY path");
      const stored = readdirSync(join(folder, "storage"), { recursive: true, encoding: "utf8" });
      expect(stored.filter((name) => name.endsWith(".parquet")).sort()).toEqual(segments.map(([path]) => String(path)));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
