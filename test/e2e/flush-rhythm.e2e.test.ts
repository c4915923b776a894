// ST-02: a flush policy by the real clock. That its due times do not drift is shown by numbers alone, in flush-schedule: how late a flush comes here says how busy the machine is.
import { expect, test } from "bun:test";
import { startTestServer } from "../support/test-server.ts";

const FLUSHES = 5;

test("ST-02 a table with an interval is flushed again and again while rows come, and none is lost", async () => {
  await using server = await startTestServer();
  const { root } = server;
  await root.sql("CREATE NAMESPACE app");
  await root.sql("CREATE SHARED TABLE app.notes (id INT PRIMARY KEY, body TEXT) WITH (FLUSH_POLICY = 'interval:1')");
  const flushes = (): Promise<readonly (readonly unknown[])[]> =>
    root.rows("SELECT job_id FROM system.jobs WHERE job_type = 'flush' AND status = 'completed'");
  let written = 0;
  while ((await flushes()).length < FLUSHES) {
    for (let more = 0; more < 10; more += 1) {
      await root.sql(`INSERT INTO app.notes VALUES (${written}, 'note')`);
      written += 1;
      await Bun.sleep(20);
    }
  }
  expect(await root.rows("SELECT count(*) FROM app.notes")).toEqual([[String(written)]]);
});
