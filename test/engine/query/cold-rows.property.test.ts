import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import type { ServerCompaction } from "../../../src/server/server-compaction.ts";
import { rowText } from "../../storage/cold/arbitrary.ts";
import { ALICE, BOB, createTable, write } from "../../storage/open-test-store.ts";
import { testCompaction } from "../../support/test-compaction.ts";
import { openQueryFixture, type QueryFixture, tableRequest, versionsOf } from "./query-fixture.ts";

setDefaultTimeout(600_000);

const KEYS = 8;
const key = fc.integer({ min: 0, max: KEYS - 1 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("upsert" as const), key, body: fc.string({ maxLength: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), key }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("merge" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("read" as const), keys: fc.uniqueArray(key, { maxLength: 3 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function ordered(model: ReadonlyMap<number, RowVersion>): RowVersion[] {
  return [...model.values()].sort((a, b) => (a.seq < b.seq ? -1 : 1));
}

async function expectSame(
  fixture: QueryFixture,
  target: Target,
  model: ReadonlyMap<number, RowVersion>,
  keys: readonly number[] | undefined,
): Promise<void> {
  for (const includeDeleted of [false, true]) {
    const wanted = keys?.map(BigInt);
    const where = wanted === undefined ? undefined : `r0.c1 IN (${wanted.join(", ")})`;
    const read = { schema: target.table, scope: target.scope, includeDeleted };
    const request =
      wanted === undefined || where === undefined ? tableRequest(read) : tableRequest({ ...read, keys: wanted, where });
    const { rows, position } = await fixture.pool.run(request);
    const expected = ordered(model).filter(
      (row) => (includeDeleted || !row.deleted) && (wanted === undefined || wanted.some((one) => one === row.cells[0])),
    );
    expect(versionsOf(rows).map(rowText)).toEqual(expected.map(rowText));
    expect(position).toBe(fixture.store.current.writer.position);
  }
}

interface Target {
  readonly table: Awaited<ReturnType<typeof createTable>>;
  readonly scope: typeof ALICE;
  readonly compaction: ServerCompaction["compaction"];
  /** What is flushed leaves the buffer's table at once. */
  readonly trims: boolean;
}

/** Into one run, without the deletes; so history starts above what was written before them. */
async function merge(
  { store }: QueryFixture,
  { table, scope, compaction }: Target,
  model: Map<number, RowVersion>,
): Promise<void> {
  store.clock.wallMs += 1_000;
  const { signal } = new AbortController();
  await compaction.compactScope(table, scope, { mode: "full", signal });
  const startsAt = store.current.catalog.historyStartsAt(table.id, scope);
  for (const [one, version] of model) if (version.deleted && version.seq <= startsAt) model.delete(one);
}

async function perform(
  fixture: QueryFixture,
  target: Target,
  model: Map<number, RowVersion>,
  one: Step,
): Promise<void> {
  const { table, scope } = target;
  const { writer } = fixture.store.current;
  switch (one.kind) {
    case "upsert": {
      const cells: Cell[] = [BigInt(one.key), one.body];
      const { value } = await writer.submit((tx) => write(tx, { table, scope, cells }));
      model.set(one.key, value);
      return;
    }
    case "delete": {
      const cells = model.get(one.key)?.cells;
      if (cells === undefined) return;
      const { value } = await writer.submit((tx) => write(tx, { table, scope, cells, deleted: true }));
      model.set(one.key, value);
      return;
    }
    case "flush":
      await fixture.flusher.flushScope({ schema: table, scope, upTo: writer.position });
      if (target.trims) await fixture.store.current.trimmed();
      return;
    case "merge":
      return merge(fixture, target, model);
    case "read":
      return expectSame(fixture, target, model, one.keys);
  }
}

test.each([
  ["user", "gone from"],
  ["shared", "gone from"],
  ["user", "still in"],
  ["shared", "still in"],
] as const)(
  "ST-05 ST-04 buffer and files together are what was written last, after any history of a %s table with flushed rows %s the buffer's table",
  async (kind, leftovers) => {
    const failpoint = (name: string): void => {
      if (name === "trim" && leftovers === "still in") throw new Error("kept");
    };
    // Small files, so that a flush makes several; little cache, so that loaded tables come and go.
    await using fixture = openQueryFixture({
      pool: { processes: 1, coldCacheBytes: 2_000 },
      flusher: { segmentRows: 3 },
      store: { failpoint },
    });
    const settings = { "retention.default_deleted_retention_hours": 0 };
    const { store, storageDir, flusher } = fixture;
    const { compaction } = testCompaction({ store: store.current, storageDir, flusher, clock: store.clock, settings });
    let tables = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      tables += 1;
      const table = await createTable(fixture.store.current, `notes_${tables}`, kind);
      const scope = kind === "user" ? ALICE : SHARED_SCOPE;
      const target = { table, scope, compaction, trims: leftovers === "gone from" };
      if (kind === "user") {
        await fixture.store.current.writer.submit((tx) => write(tx, { table, scope: BOB, cells: [1n, "bob's"] }));
      }
      const model = new Map<number, RowVersion>();
      for (const one of steps) await perform(fixture, target, model, one);
      await expectSame(fixture, target, model, undefined);
      await expectSame(fixture, target, model, [0, 3, 7]);
    });
    await fc.assert(property, { numRuns: 40 });
  },
);
