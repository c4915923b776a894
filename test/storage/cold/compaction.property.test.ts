// ST-04 ST-03 TB-09 against a model: after any history of writes, deletes, flushes, merges, ALTER, DROP and CREATE, time and restarts, buffer and files hold the newest version of every key.
// Missing are only ends of rows past their retention, at or below where history starts. That is all that a read and a resume need.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseName, type Scope } from "../../../src/base/ids.ts";
import { seqAtMs } from "../../../src/base/seq.ts";
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
  | { readonly kind: "wait" | "rest" }
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
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("recreate" as const, "rest" as const) }) },
);

/**
 * A large run over the keys 0 to 7, perhaps a smaller one over some of them, and deletes in small runs that are merged without either: what they end may lie in a file
 * that the merge does not see. Left to chance this is met too seldom to show anything.
 */
const guardedDeletes: fc.Arbitrary<Step[]> = fc
  .record({
    scope,
    middle: fc.constantFrom<readonly bigint[]>([], [3n, 4n, 5n, 6n, 7n]),
    deleted: fc.uniqueArray(fc.bigInt({ min: 0n, max: 9n }), { minLength: 2, maxLength: 2 }),
    afterwards: fc.array(step, { maxLength: 3 }),
  })
  .map(({ scope: owner, middle, deleted, afterwards }): Step[] => {
    const put = (each: bigint): Step => ({ kind: "put", scope: owner, key: each });
    const flushed: Step = { kind: "flush", scope: owner };
    return [
      ...Array.from({ length: 8 }, (_unused, index) => put(BigInt(index))),
      flushed,
      { kind: "compact", scope: owner, mode: "full" },
      ...middle.map(put),
      flushed,
      ...deleted.flatMap((each): Step[] => [{ kind: "delete", scope: owner, key: each }, flushed]),
      { kind: "wait" },
      { kind: "wait" },
      ...afterwards,
      { kind: "compact", scope: owner, mode: "due" },
    ];
  });

const history: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof({ weight: 20, arbitrary: step.map((each) => [each]) }, { weight: 1, arbitrary: guardedDeletes }), {
    minLength: 30,
    maxLength: 80,
    size: "max",
  })
  .map((parts) => parts.flat());

/** Newest version of each key that was ever written, by scope. */
type Model = Map<Scope, Map<string, RowVersion>>;

interface World {
  readonly fixture: CompactionFixture;
  table: TableSchema;
  readonly model: Model;
  writes: number;
  readonly retentionMs: number;
  /** Looks at a scope of which a tombstone was gone. */
  purges: number;
  /** Merges that kept a tombstone past its retention, since an older file may hold its key. */
  guards: number;
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
      await compact(world, action);
      return;
    case "wait":
      fixture.store.clock.wallMs += HOUR_MS;
      return;
    case "rest":
      fixture.store.clock.wallMs += 30 * HOUR_MS;
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

async function compact(
  world: World,
  { scope: owner, mode }: Extract<Step, { readonly kind: "compact" }>,
): Promise<void> {
  const { fixture, table } = world;
  const known = new Set(committedPaths(fixture));
  await fixture.compactor.compactScope({ table: table.id, scope: owner, mode });
  const isGuarded = fixture.store.current.catalog
    .segments(table.id, owner)
    .some(({ path, tombstones = 0, maxSeq }) => !known.has(path) && tombstones > 0 && maxSeq < purgeBelow(world));
  if (isGuarded) world.guards += 1;
}

function purgeBelow({ fixture, retentionMs }: World): bigint {
  return seqAtMs(fixture.store.clock.wallMs - retentionMs);
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
      if (stored === undefined) {
        expect([version.deleted, version.seq <= start, version.seq < purgeBelow(world)]).toEqual([true, true, true]);
      } else expect(stored).toEqual(version);
    }
    expect([...found.keys()].filter((text) => !expected.has(text))).toEqual([]);
    const { writer, catalog } = fixture.store.current;
    const buffered = [...expected.values()].filter(({ seq }) => seq > catalog.flushedUpTo(table.id, owner)).length;
    expect(writer.bufferedScopes(table.id).includes(owner)).toBe(buffered > 0);
  }
}

test("ST-03 ST-04 LQ-11 no history of writes, flushes, merges, ALTER, DROP and restarts loses or brings back a row", async () => {
  let purges = 0;
  let guards = 0;
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.constantFrom(0, HOUR_MS, 1000 * HOUR_MS),
      fc.constantFrom(4, 100),
      async (steps, tombstoneRetentionMs, segmentRows) => {
        await using fixture = openCompactionFixture({
          settings: { minRuns: 2, targetRows: 6, tombstoneRetentionMs },
          flusher: { segmentRows },
        });
        const table = await createTable(fixture.store.current, "notes");
        const model: Model = new Map([ALICE, BOB].map((owner) => [owner, new Map()]));
        const world = { fixture, table, model, writes: 0, retentionMs: tombstoneRetentionMs, purges: 0, guards: 0 };
        for (const action of steps) {
          await run(world, action);
          await check(world);
        }
        purges += world.purges;
        guards += world.guards;
        fixture.store.clock.monotonic += GRACE_MS;
        await fixture.retired.sweep();
        expect(committedPaths(fixture).filter((path) => !filesBelow(fixture.storageDir).includes(path))).toEqual([]);
      },
    ),
    // A failure is reported with its seed before the test's time is over, however far it is from being shrunk.
    { numRuns: Number(process.env["COMPACTION_RUNS"] ?? 12), interruptAfterTimeLimit: 100_000 },
  );
  // A history in which nothing is ever purged shows nothing of purging.
  expect(purges).toBeGreaterThan(0);
  expect(guards).toBeGreaterThan(0);
}, 240_000);
