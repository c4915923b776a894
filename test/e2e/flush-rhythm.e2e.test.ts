// ST-02: the interval of a flush policy by the real clock. A row comes every few milliseconds, so that every interval has something to flush. How late a flush is says how busy the
// machine is, and no more; that a late one is followed by a shorter gap says that due times do not move. A scheduler that counts from the end of the last flush, or from its own
// late checks, has no gap that is shorter than the interval.
import { expect, setDefaultTimeout, test } from "bun:test";
import { startTestServer } from "../support/test-server.ts";

setDefaultTimeout(240_000);

const INTERVAL_MS = 1_000;
const GAPS = 15;

/** Of more than an interval, what it is beyond a whole number of them, which may be less than none. */
const beyondIntervals = (gapMs: number): number => gapMs - Math.max(1, Math.round(gapMs / INTERVAL_MS)) * INTERVAL_MS;

test("ST-02 flushes of an interval keep to its due times: what one is late, the next gap is shorter by, with the real clock", async () => {
  await using server = await startTestServer();
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.notes (id INT PRIMARY KEY, body TEXT) WITH (FLUSH_POLICY = 'interval:1')");
  const flushes = (): Promise<readonly (readonly unknown[])[]> =>
    root.rows(
      "SELECT created_at FROM system.jobs WHERE job_type = 'flush' AND status = 'completed' ORDER BY created_at",
    );
  let written = 0;
  let ended: readonly (readonly unknown[])[] = [];
  while (ended.length <= GAPS) {
    for (let more = 0; more < 10; more += 1) {
      await root.sql(`INSERT INTO app.notes VALUES (${written}, 'note')`);
      written += 1;
      await Bun.sleep(20);
    }
    ended = await flushes();
  }
  const timesMs = ended.map(([at]) => Number(at) / 1_000);
  const gapsMs = timesMs.slice(1).map((at, index) => at - (timesMs[index] ?? at));
  const caughtUp = gapsMs.filter((gapMs) => beyondIntervals(gapMs) <= 0).length;
  expect([gapsMs, caughtUp >= 3]).toEqual([gapsMs, true]);
  expect(await root.rows("SELECT count(*) FROM app.notes")).toEqual([[String(written)]]);
});
