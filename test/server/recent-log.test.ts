// TB-10: the newest lines of the log as rows.
import { expect, test } from "bun:test";
import { silentLog } from "../../src/base/log.ts";
import { RecentLog } from "../../src/server/recent-log.ts";
import { startTestServer } from "../support/test-server.ts";

test("TB-10 system.server_logs shows administrators what the server told, newest lines included", async () => {
  const told: string[] = [];
  await using server = await startTestServer({}, { log: { ...silentLog, info: (message) => told.push(message) } });
  await server.root.sql("CREATE NAMESPACE app");
  const rows = await server.root.rows(
    "SELECT timestamp::timestamp IS NOT NULL, level, message, fields ->> 'action' FROM system.server_logs WHERE fields ->> 'target' = 'namespace:app'",
  );
  expect(rows).toEqual([[true, "info", "audit", "CREATE_NAMESPACE"]]);
  // Wherever the lines go besides.
  expect(told).toContain("server started");
  const user = await server.user("ann");
  expect((await user.fails("SELECT * FROM system.server_logs")).code).toBe("PERMISSION_DENIED");
});

test("TB-10 a bounded number of lines is kept, each of a bounded length, and none below the level", () => {
  const lines: string[] = [];
  const log = new RecentLog({
    log: { ...silentLog, debug: (message) => lines.push(message), warn: (message) => lines.push(message) },
    level: "warn",
    nowMs: () => 1_750_000_000_000,
  });
  log.debug("below the level");
  for (let index = 0; index < 5_000; index += 1) log.warn(`line ${index}`, { index: BigInt(index) });
  log.error("x".repeat(100_000), { long: "y".repeat(100_000) });
  const rows = log.rows();
  expect(rows).toHaveLength(1_000);
  expect(rows[0]).toEqual(["2025-06-15T15:06:40.000Z", "warn", null, null, null, "line 4001", '{"index":"4001"}']);
  const [, level, , , , message, fields] = rows.at(-1) ?? [];
  expect([level, String(message).length, Object.keys(JSON.parse(String(fields)))]).toEqual(["error", 4_096, ["cut"]]);
  // All of them went on.
  expect(lines).toHaveLength(5_001);
});
