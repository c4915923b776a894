// ST-02: the interval of a flush policy by the real clock. A row comes every few milliseconds, so that every interval has something to flush; what counts is what most gaps between
// two flushes are, so a machine that is busy for a moment changes nothing, and a scheduler that counts from the end of the last flush, or from its own late checks, is found out.
import { expect, setDefaultTimeout, test } from "bun:test";
import { startTestServer } from "../support/test-server.ts";

setDefaultTimeout(240_000);

const INTERVAL_MS = 1_000;
const GAPS = 15;

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

test("ST-02 flushes of an interval come at that interval: the scheduler drifts by less than 5 %, with the real clock", async () => {
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
  const ratio = medianOf(gapsMs) / INTERVAL_MS;
  expect([gapsMs, Math.abs(ratio - 1) < 0.05]).toEqual([gapsMs, true]);
  expect(await root.rows("SELECT count(*) FROM app.notes")).toEqual([[String(written)]]);
});
