// The writer against a model: any history of works, some of which fail half-way, in turns of several works, with flushes, drops and restarts.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Scope, SHARED_SCOPE, seqOf, type TableId } from "../../src/base/ids.ts";
import type { Change, RowVersion } from "../../src/model/change.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import type { WriteTx } from "../../src/storage/seams.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, BOB, CHAT, definition, openTestStore, write } from "./open-test-store.ts";

const TABLES = ["t0", "t1", "t2"] as const;
type TableSlot = (typeof TABLES)[number];

type Step =
  | {
      readonly kind: "put";
      readonly table: TableSlot;
      readonly scope: Scope;
      readonly key: number;
      readonly body: string;
      readonly deleted: boolean;
      /** In place of the version that is there, or of one that is not, rather than whatever is there. */
      readonly replaces: "any" | "its" | "another";
    }
  | { readonly kind: "flush"; readonly table: TableSlot; readonly scope: Scope }
  /** What the trimmer does whenever it likes: a few rows, of a table and scope that may have nothing to remove. */
  | { readonly kind: "trim"; readonly table: TableSlot; readonly scope: Scope; readonly maxRows: number }
  | { readonly kind: "create"; readonly table: TableSlot }
  | { readonly kind: "drop"; readonly table: TableSlot };
interface Work {
  readonly steps: readonly Step[];
  readonly fails: boolean;
}
type Event =
  | { readonly kind: "turn"; readonly works: readonly Work[] }
  | { readonly kind: "reopen"; readonly stepMs: number };

const table = fc.constantFrom(...TABLES);
const scope = fc.constantFrom(ALICE, BOB);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      table,
      scope,
      key: fc.nat(4),
      body: fc.string({ maxLength: 3 }),
      deleted: fc.boolean(),
      replaces: fc.constantFrom("any" as const, "its" as const, "another" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const), table, scope }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("trim" as const), table, scope, maxRows: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("create" as const, "drop" as const), table }) },
);
const work: fc.Arbitrary<Work> = fc.record({
  steps: fc.array(step, { maxLength: 5 }),
  fails: fc.boolean(),
});
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("turn" as const), works: fc.array(work, { maxLength: 4 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("reopen" as const), stepMs: fc.integer({ min: -5_000, max: 5_000 }) }),
  },
);

/** What must be in the buffer and in the catalog. */
interface Model {
  readonly tables: Map<TableSlot, TableSchema>;
  /** By table, then `scope/key`. */
  readonly rows: Map<TableId, Map<string, { readonly scope: Scope; readonly version: RowVersion }>>;
  readonly segments: Map<TableId, number>;
  readonly changes: Change[];
}

function copy(model: Model): Model {
  return {
    tables: new Map(model.tables),
    rows: new Map([...model.rows].map(([id, rows]) => [id, new Map(rows)])),
    segments: new Map(model.segments),
    changes: [...model.changes],
  };
}

function scopeIn(schema: TableSchema, user: Scope): Scope {
  return schema.kind === "shared" ? SHARED_SCOPE : user;
}

function apply(tx: WriteTx, model: Model, step: Step): void {
  const schema = model.tables.get(step.table);
  expect(tx.catalog.table(CHAT, step.table)).toEqual(schema);
  if (step.kind === "create") {
    if (schema !== undefined) return;
    const created = tx.createTable(definition(step.table, step.table === "t1" ? "shared" : "user"));
    model.tables.set(step.table, created);
    model.rows.set(created.id, new Map());
    model.segments.set(created.id, 0);
    return;
  }
  if (schema === undefined) return;
  const rows = model.rows.get(schema.id) ?? new Map<string, never>();
  if (step.kind === "drop") {
    tx.dropTable(schema);
    model.tables.delete(step.table);
    model.rows.delete(schema.id);
    model.segments.delete(schema.id);
    return;
  }
  const rowScope = scopeIn(schema, step.scope);
  if (step.kind === "flush") {
    flush(tx, model, { schema, scope: rowScope });
    return;
  }
  if (step.kind === "trim") {
    tx.trim({ kind: "flushed", table: schema.id, scope: rowScope, after: undefined }, step.maxRows);
    // A table that is there is not removed, whoever says that it was dropped.
    tx.trim({ kind: "dropped", table: schema.id }, step.maxRows);
    return;
  }
  const name = `${rowScope}/${step.key}`;
  const known = rows.get(name)?.version;
  expect(tx.get(schema, rowScope, BigInt(step.key))).toEqual(known);
  const next = { cells: [BigInt(step.key), step.body], deleted: step.deleted };
  const live = known?.deleted === true ? undefined : known;
  if (step.replaces === "another") {
    const other = { seq: seqOf((known?.seq ?? tx.catalog.flushedUpTo(schema.id, rowScope)) - 1n), cells: next.cells };
    expect(tx.replace(schema, rowScope, other, next)).toBeUndefined();
  }
  const replaced = live === undefined || step.replaces !== "its" ? undefined : tx.replace(schema, rowScope, live, next);
  expect(replaced !== undefined).toBe(live !== undefined && step.replaces === "its");
  const version = replaced ?? write(tx, { table: schema, scope: rowScope, ...next });
  rows.set(name, { scope: rowScope, version });
  model.changes.push({ table: schema, scope: rowScope, before: live, after: version });
}

function flush(tx: WriteTx, model: Model, { schema, scope: flushed }: { schema: TableSchema; scope: Scope }): void {
  const rows = model.rows.get(schema.id);
  const mine = [...(rows ?? [])].filter(([, row]) => row.scope === flushed);
  // The older half: newer versions stay buffered.
  const seqs = mine.map(([, { version }]) => version.seq).sort((a, b) => (a < b ? -1 : 1));
  const upTo = seqs[Math.floor((seqs.length - 1) / 2)];
  const [minSeq] = seqs;
  if (upTo === undefined || minSeq === undefined) return;
  tx.commitSegment({
    tableId: schema.id,
    scope: flushed,
    path: `${schema.id}/${flushed}/${upTo}`,
    schemaVersion: schema.version,
    rows: seqs.length,
    bytes: 1,
    minSeq,
    maxSeq: upTo,
    minKey: 0n,
    maxKey: 4n,
    createdAtMs: 0,
  });
  for (const [name, { version }] of mine) if (version.seq <= upTo) rows?.delete(name);
  model.segments.set(schema.id, (model.segments.get(schema.id) ?? 0) + 1);
}

function check(store: Store, model: Model): void {
  const { catalog, reader, writer } = store;
  expect(new Set(catalog.tables().map(({ id }) => id))).toEqual(
    new Set([...model.tables.values()].map(({ id }) => id)),
  );
  for (const schema of model.tables.values()) {
    expect(catalog.table(CHAT, schema.name)).toEqual(schema);
    const rows = model.rows.get(schema.id) ?? new Map<string, never>();
    for (const user of [ALICE, BOB]) {
      const at = scopeIn(schema, user);
      for (let key = 0; key <= 4; key++) {
        expect(reader.get(schema, at, BigInt(key))).toEqual(rows.get(`${at}/${key}`)?.version);
      }
    }
    expect(writer.bufferedRows(schema.id)).toBe(rows.size);
    expect([...writer.bufferedScopes(schema.id)].sort()).toEqual(
      [...new Set([...rows.values()].map((row) => row.scope))].sort(),
    );
    expect(catalog.allSegments().filter(({ tableId }) => tableId === schema.id)).toHaveLength(
      model.segments.get(schema.id) ?? 0,
    );
  }
}

test("ST-01 ST-02 any history of works, failures, flushes and restarts leaves what the model says, and every commit tells it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
      await using store = openTestStore();
      await store.current.writer.submit((tx) => tx.createNamespace(CHAT));
      let model: Model = { tables: new Map(), rows: new Map(), segments: new Map(), changes: [] };
      let told: Change[] = [];
      const listen = (): void => store.current.writer.onCommit(({ changes }) => told.push(...changes));
      listen();
      let lastSeq = store.current.writer.position;
      for (const one of events) {
        if (one.kind === "reopen") {
          store.clock.wallMs += one.stepMs;
          await store.reopen();
          listen();
          check(store.current, model);
          continue;
        }
        const outcomes = one.works.map(({ steps, fails }) =>
          store.current.writer.submit((tx) => {
            const next = copy(model);
            for (const step of steps) apply(tx, next, step);
            if (fails) throw new Error("chosen to fail");
            model = next;
          }),
        );
        const settled = await Promise.allSettled(outcomes);
        expect(settled.map(({ status }) => status === "rejected")).toEqual(one.works.map(({ fails }) => fails));
        for (const { reason } of settled.filter((outcome) => outcome.status === "rejected")) {
          expect(String(reason)).toContain("chosen to fail");
        }
        expect(told).toEqual(model.changes);
        for (const { after } of told) {
          expect(after.seq).toBeGreaterThan(lastSeq);
          lastSeq = after.seq;
        }
        told = [];
        model = { ...model, changes: [] };
        check(store.current, model);
      }
    }),
    { numRuns: 60 },
  );
});
