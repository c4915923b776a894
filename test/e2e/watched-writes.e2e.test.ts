// ST-01 LQ-07 LQ-12: each version of each row, counted by the judge of the soak (bench/soak): short, with the server killed in the middle; and with readers that stop reading until
// the server drops them.
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNLIMITED } from "../../bench/load/side.ts";
import { Journal } from "../../bench/soak/journal.ts";
import { runSoak } from "../../bench/soak/run-soak.ts";
import { Told } from "../../bench/soak/told.ts";
import { RawWatcher, watchByLink } from "../../bench/soak/watchers.ts";
import { SlowProxy } from "../simulator/slow-proxy.ts";
import { startTestServer } from "../support/test-server.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(400_000);

test("ST-01 LQ-07 every acknowledged version reaches every watcher once and in order, through flushes, altered tables, cut sockets and kill -9", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kalamdb-soak-"));
  const seed = Number(process.env["SOAK_SEED"] ?? Math.floor(Math.random() * 1_000_000));
  try {
    const { faults, acknowledged } = await runSoak({
      folder,
      seconds: 5,
      users: 30,
      restarts: 1,
      seed,
      env: UNLIMITED,
    });
    expect({ seed, faults }).toEqual({ seed, faults: [] });
    expect(acknowledged).toBeGreaterThan(0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** With what the kernel holds for a socket far past the limit, in a few rounds. */
const ROUND_ROWS = 64;
const BODY = "x".repeat(30_000);
const MOST_ROUNDS = 100;

test("LQ-12 LQ-07 watchers whose sockets are full are dropped and come back: they lack nothing and get nothing twice, also of what was flushed meanwhile", async () => {
  await using server = await startTestServer({ "live.backpressure_limit_bytes": 1_048_576 });
  const { root } = server;
  await root.sql("CREATE NAMESPACE app; CREATE SHARED TABLE app.room (id BIGINT PRIMARY KEY, n BIGINT, body TEXT)");
  const proxy = new SlowProxy(server.url);
  const journal = new Journal();
  const watched = (["raw", "link", "peer"] as const).map((kind) => {
    const protocol = kind === "peer" ? "peer" : "native";
    const told = new Told({ name: kind, feed: "room", journal, protocol });
    const options = { url: proxy.url, token: root.token, sql: "SELECT * FROM app.room", told };
    return { told, watcher: kind === "raw" ? new RawWatcher(options) : watchByLink(protocol, options) };
  });
  const insert = async (): Promise<void> => {
    const version = journal.insert("room");
    const { seq = "0" } = await root.sql("INSERT INTO app.room VALUES ($1, 1, $2)", [version.id, BODY]);
    version.fate = { kind: "acknowledged", seq: BigInt(seq) };
  };
  const round = async (): Promise<void> => {
    await Promise.all([
      root.sql("STORAGE FLUSH TABLE app.room"),
      ...Array.from({ length: ROUND_ROWS }, () => insert()),
    ]);
  };
  const served = async (): Promise<number> =>
    Number((await root.rows("SELECT count(*) FROM system.live_queries"))[0]?.[0]);
  try {
    await until(() => watched.every(({ told }) => told.isReady));
    await round();
    proxy.stall();
    let rounds = 0;
    for (; rounds < MOST_ROUNDS && (await served()) > 0; rounds += 1) await round();
    expect(rounds).toBeLessThan(MOST_ROUNDS);
    proxy.unstall();
    await round();
    await until(() => watched.every(({ told }) => told.resumes > 0 && told.missing().length === 0));
    expect(watched.flatMap(({ told }) => told.faults())).toEqual([]);
    expect(watched.flatMap(({ told }) => told.resets)).toEqual([]);
  } finally {
    for (const { watcher } of watched) watcher.close();
    proxy.close();
  }
});
