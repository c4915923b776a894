// ST-09: what ALL means in STORAGE FLUSH ALL and STORAGE COMPACT ALL.
import { expect, test } from "bun:test";
import { startTestServer } from "../support/test-server.ts";

/** So many ids of jobs, in brackets, at the end of a message. */
function ids(prefix: string, count: number): string {
  return `\\. Job IDs: \\[${Array(count).fill(`${prefix}-[0-9a-f]{12}`).join(", ")}\\]$`;
}

test("ST-09 FLUSH ALL and COMPACT ALL are for the namespace named, for the request's, and for all when it has none", async () => {
  await using server = await startTestServer({ "compaction.enabled": false });
  const { root } = server;
  for (const namespace of ["one", "two"]) {
    await root.sql(`CREATE NAMESPACE ${namespace}; CREATE TABLE ${namespace}.t (id BIGINT PRIMARY KEY)`);
  }
  await root.sql("CREATE STREAM TABLE one.s (id BIGINT PRIMARY KEY) WITH (TTL_SECONDS = 60)");
  for (let round = 0; round < 3; round += 1) {
    for (const table of ["one.t", "two.t", "one.s"]) await root.sql(`INSERT INTO ${table} (id) VALUES (${round})`);
    const of = [
      ["STORAGE FLUSH ALL IN two", `1 table\\(s\\) in namespace 'two'${ids("FL", 1)}`],
      ["USE two; STORAGE FLUSH ALL", `1 table\\(s\\) in namespace 'two'${ids("FL", 1)}`],
      ["STORAGE FLUSH ALL", `2 table\\(s\\)${ids("FL", 2)}`],
    ] as const;
    const [sql, message] = of[round] ?? of[0];
    expect((await root.sql(sql)).message).toMatch(new RegExp(`^Storage flush started for ${message}`));
    await root.jobsEnd();
  }
  expect(await root.rows("SELECT DISTINCT storage_id FROM system.segments WHERE namespace_id = 'one'")).toHaveLength(1);
  expect((await root.sql("STORAGE FLUSH ALL")).message).toBe("Storage flush skipped: no pending writes");

  const compacted = (await root.sql("STORAGE COMPACT ALL")).message ?? "";
  expect(compacted).toMatch(new RegExp(`^Storage compaction started for 2 table\\(s\\)${ids("CO", 2)}`));
  await root.jobsEnd();
  expect(await root.rows("SELECT count(*) FROM system.segments")).toEqual([["2"]]);
  expect(await root.fails("STORAGE FLUSH ALL IN twos")).toMatchObject({
    reason: "NAMESPACE_NOT_FOUND",
    hint: 'Perhaps you meant "two".',
  });
});
