// How long a merge keeps tombstones, and the scopes that lose theirs without being flushed again.
import { expect, test } from "bun:test";
import { ALICE, createTable } from "../open-test-store.ts";
import {
  flush,
  HOUR_MS,
  historyStartsAt,
  newestVersions,
  openCompactionFixture,
  putRow,
  putRows,
  removeRow,
} from "./compaction-fixture.ts";

test("ST-04 TB-02 a table's own retention goes before the server's, in either direction, and lasts across a restart", async () => {
  await using fixture = openCompactionFixture({ settings: { tombstoneRetentionMs: 2 * HOUR_MS } });
  for (const [name, deletedRetentionHours, left] of [
    ["shorter", 1, ["2"]],
    ["longer", 5, ["1", "2"]],
    ["none", 0, ["2"]],
  ] as const) {
    const first = await createTable(fixture.store.current, name);
    const options = { ...first.options, deletedRetentionHours };
    const { value: table } = await fixture.store.current.writer.submit((tx) =>
      tx.alterTable(first, { ...first, options, lastColumnId: first.columns.length }),
    );
    const at = { table, scope: ALICE };
    await putRow(fixture, at, [2n, "two"]);
    await removeRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += name === "longer" ? 3 * HOUR_MS : HOUR_MS + 1;
    await fixture.reopen();
    await fixture.compactor.compactScope({ table: table.id, scope: ALICE, mode: "full" });
    expect([name, [...(await newestVersions(fixture, at)).keys()].sort()]).toEqual([name, [...left]]);
  }
});

test.each([
  [2 * HOUR_MS, 24 * HOUR_MS],
  [100 * HOUR_MS, 100 * HOUR_MS],
])(
  "ST-04 a scope at rest loses all that its tombstones ended, kept for %d ms, after %d ms, once",
  async (tombstoneRetentionMs, restMs) => {
    await using fixture = openCompactionFixture({ settings: { minRuns: 8, tombstoneRetentionMs } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    const due = { table: table.id, scope: ALICE, mode: "due" } as const;
    await putRows(
      fixture,
      at,
      [1n, 2n, 3n, 4n].map((key) => [key, "text"]),
    );
    await flush(fixture, at);
    const { seq } = await removeRow(fixture, at, [1n, "text"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += restMs - 1;
    expect(fixture.compactor.isDue(table.id, ALICE)).toBe(false);
    expect(await fixture.compactor.compactScope(due)).toMatchObject({ merges: 0 });
    fixture.store.clock.wallMs += 2;
    expect(fixture.compactor.isDue(table.id, ALICE)).toBe(true);
    expect(await fixture.compactor.compactScope(due)).toMatchObject({ merges: 1, rowsAfter: 3, segmentsAfter: 1 });
    expect(historyStartsAt(fixture, at)).toBe(seq);
    expect(fixture.compactor.isDue(table.id, ALICE)).toBe(false);
  },
);
