// ST-04 ST-03 TB-09 against a model: after any history of writes, deletes, flushes, merges, ALTER, DROP and CREATE, time and restarts, buffer and files hold the newest version of every key, and of
// what ended at or below where history starts nothing else is missing. That is all that a read and a resume need.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseName, type Scope } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { ALICE, BOB, CHAT, createTable } from "../open-test-store.ts";
import {
  type CompactionFixture,
  committedPaths,
  filesBelow,
  flush,
  GRACE_MS,
  HOUR_MS,
  historyStartsAt,
  newestVersions,
  openCompactionFixture,
  putRow,
  removeRow,
} from "./compaction-fixture.ts";

type Step =
  | { readonly kind: "put" | "delete"; readonly scope: Scope; readonly key: bigint }
  | { readonly kind: "flush"; readonly scope: Scope }
  | { readonly kind: "compact"; readonly scope: Scope; readonly mode: "due" | "full" }
  | { readonly kind: "wait" }
  | { readonly kind: "trim" | "restart" | "alter" | "recreate" };

const scope = fc.constantFrom(ALICE, ALICE, ALICE, BOB);
const key = fc.bigInt({ min: 0n, max: 7n });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), scope, key }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), scope, key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("flush" as const), scope }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("compact" as const),
      scope,
      mode: fc.constantFrom("due" as const, "full" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("trim" as const, "restart" as const, "alter" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("recreate" as const, "wait" as const) }) },
);

/** Newest version of each key that was ever written, by scope. */
type Model = Map<Scope, Map<string, RowVersion>>;

interface World {
  readonly fixture: CompactionFixture;
  table: TableSchema;
  readonly model: Model;
  writes: number;
  /** Looks at a scope of which a tombstone was gone. */
  purges: number;
}

async function run(world: World, action: Step): Promise<void> {
  const { fixture, table } = world;
  switch (action.kind) {
    case "put":
    case "delete": {
      world.writes += 1;
      const at = { table, scope: action.scope };
      const cells = table.columns.map((_column, index) =>
        index === 0 ? action.key : `write ${world.writes} ${index}`,
      );
      const version = action.kind === "put" ? await putRow(fixture, at, cells) : await removeRow(fixture, at, cells);
      world.model.get(action.scope)?.set(String(action.key), version);
      return;
    }
    case "flush":
      await flush(fixture, { table, scope: action.scope });
      return;
    case "compact":
      await fixture.compactor.compactScope({ table: table.id, scope: action.scope, mode: action.mode });
      return;
    case "wait":
      fixture.store.clock.wallMs += HOUR_MS;
      return;
    case "trim":
      await fixture.store.current.trimmed();
      return;
    case "restart":
      await fixture.reopen();
      world.table = fixture.store.current.catalog.table(CHAT, "notes") ?? table;
      return;
    case "alter":
      await alter(world);
      return;
    case "recreate":
      await fixture.store.current.writer.submit((tx) => tx.dropTable(table));
      world.table = await createTable(fixture.store.current, "notes");
      for (const rows of world.model.values()) rows.clear();
      return;
  }
}

/** A column more, which every row there is has the same value in. */
async function alter(world: World): Promise<void> {
  const { fixture, table, model } = world;
  const id = (table.lastColumnId ?? table.columns.length) + 1;
  const initial = `initial ${id}`;
  const [, body] = table.columns;
  if (body === undefined) throw new Error("the table has two columns at least");
  const added = { ...body, id, name: parseName(`c${id}`), initial };
  const change = { ...table, columns: [...table.columns, added], lastColumnId: id };
  const { value } = await fixture.store.current.writer.submit((tx) => tx.alterTable(table, change));
  world.table = value;
  for (const rows of model.values()) {
    for (const [key, version] of rows) rows.set(key, { ...version, cells: [...version.cells, initial] });
  }
}

async function check(world: World): Promise<void> {
  const { fixture, table, model } = world;
  for (const [owner, expected] of model) {
    const at = { table, scope: owner };
    const found = await newestVersions(fixture, at);
    const start = historyStartsAt(fixture, at);
    if ([...expected.keys()].some((text) => !found.has(text))) world.purges += 1;
    for (const [text, version] of expected) {
      const stored = found.get(text);
      if (stored === undefined) expect([version.deleted, version.seq <= start]).toEqual([true, true]);
      else expect(stored).toEqual(version);
    }
    expect([...found.keys()].filter((text) => !expected.has(text))).toEqual([]);
    const { writer, catalog } = fixture.store.current;
    const buffered = [...expected.values()].filter(({ seq }) => seq > catalog.flushedUpTo(table.id, owner)).length;
    expect(writer.bufferedScopes(table.id).includes(owner)).toBe(buffered > 0);
  }
}

test("ST-03 ST-04 LQ-11 no history of writes, flushes, merges, ALTER, DROP and restarts loses or brings back a row", async () => {
  let purges = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 30, maxLength: 80, size: "max" }),
      fc.constantFrom(0, HOUR_MS, 1000 * HOUR_MS),
      async (steps, tombstoneRetentionMs) => {
        await using fixture = openCompactionFixture({
          settings: { minRuns: 2, targetRows: 6, tombstoneRetentionMs },
          flusher: { segmentRows: 4 },
        });
        const table = await createTable(fixture.store.current, "notes");
        const model: Model = new Map([ALICE, BOB].map((owner) => [owner, new Map()]));
        const world = { fixture, table, model, writes: 0, purges: 0 };
        for (const action of steps) {
          await run(world, action);
          await check(world);
        }
        purges += world.purges;
        fixture.store.clock.monotonic += GRACE_MS;
        await fixture.retired.sweep();
        expect(committedPaths(fixture).filter((path) => !filesBelow(fixture.storageDir).includes(path))).toEqual([]);
      },
    ),
    { numRuns: Number(process.env["COMPACTION_RUNS"] ?? 12) },
  );
  // A history in which nothing is ever purged shows nothing of purging.
  expect(purges).toBeGreaterThan(0);
}, 120_000);
