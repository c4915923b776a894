// ST-11: one suite for all places where row versions live. Whatever holds for one must hold for the others.
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Scope, seqOf, tableIdOf } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { RowBackend } from "../../../src/storage/backend/row-backend.ts";
import { CatalogState } from "../../../src/storage/catalog/catalog-state.ts";
import { Batch } from "../../../src/storage/hot/batch.ts";
import { hotTableDdl } from "../../../src/storage/hot/relation.ts";
import { RowStatements } from "../../../src/storage/hot/row-statements.ts";
import { MemoryRows } from "../../../src/storage/stream/memory-rows.ts";
import { PersistedRows } from "../../../src/storage/stream/persisted-rows.ts";
import { StreamRows } from "../../../src/storage/stream/stream-rows.ts";
import { ALICE, BOB, definition } from "../open-test-store.ts";

const TABLES: readonly TableSchema[] = [1, 2].map((id) => ({
  ...definition(`t${id}`),
  id: tableIdOf(id),
  version: 1,
  createdAtMs: 0,
  updatedAtMs: 0,
}));
const SCOPES = [ALICE, BOB];
const databases: Database[] = [];
afterAll(() => databases.forEach((db) => db.close()));

function sqlite(): RowBackend {
  const db = new Database(":memory:");
  databases.push(db);
  for (const table of TABLES) db.run(hotTableDdl(table));
  return new RowStatements(db);
}

function persisted(): RowBackend {
  const file = sqlite();
  const both = new PersistedRows({ memory: memory(), file });
  // What is read is memory; what a restart would find must be the same.
  return {
    get: (...at) => both.get(...at),
    put: (...at) => both.put(...at),
    replace: (...at) => both.replace(...at),
    delete: (...at) => both.delete(...at),
    batch: (work) => both.batch(work),
    scan: (...at) => {
      const found = both.scan(...at);
      expect(file.scan(...at)).toEqual(found);
      return found;
    },
  };
}

function memory(): RowBackend {
  const rows = new StreamRows(seqOf(0n));
  return new MemoryRows({ rows, batch: new Batch({ catalog: new CatalogState(), streams: rows }) });
}

/** By table, scope and key. */
type Model = Map<string, RowVersion>;

type Step =
  | { readonly kind: "put"; readonly place: number; readonly key: number; readonly deleted: boolean }
  | { readonly kind: "replace"; readonly place: number; readonly key: number; readonly found: "its" | "another" }
  | { readonly kind: "delete"; readonly place: number; readonly key: number }
  | { readonly kind: "batch"; readonly steps: readonly Step[]; readonly fails: boolean };

const place = fc.nat({ max: 3 });
const key = fc.nat({ max: 5 });
const { step } = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: "small" },
    fc.record({ kind: fc.constant("put" as const), place, key, deleted: fc.boolean() }),
    fc.record({
      kind: fc.constant("replace" as const),
      place,
      key,
      found: fc.constantFrom("its" as const, "another" as const),
    }),
    fc.record({ kind: fc.constant("delete" as const), place, key }),
    fc.record({
      kind: fc.constant("batch" as const),
      steps: fc.array(tie("step"), { maxLength: 5 }),
      fails: fc.boolean(),
    }),
  ),
}));

interface Place {
  readonly table: TableSchema;
  readonly scope: Scope;
}

function placeOf(index: number): Place {
  const [table, scope] = [TABLES[index >> 1], SCOPES[index & 1]];
  if (table === undefined || scope === undefined) throw new Error("a place of the four");
  return { table, scope };
}

class Run {
  readonly #backend: RowBackend;
  model: Model = new Map();
  #seq = 0n;

  constructor(backend: RowBackend) {
    this.#backend = backend;
  }

  apply(one: Step): void {
    if (one.kind === "batch") return this.#batch(one);
    const { table, scope } = placeOf(one.place);
    const id = `${one.place}/${one.key}`;
    if (one.kind === "delete") {
      expect(this.#backend.delete(table, scope, BigInt(one.key))).toBe(this.model.delete(id));
      return;
    }
    this.#seq += 1n;
    const cells = [BigInt(one.key), `text ${this.#seq}`];
    if (one.kind === "replace") {
      const known = this.model.get(id);
      // Another: of a key of the same place, or of none.
      const seq = one.found === "its" ? (known?.seq ?? seqOf(this.#seq)) : seqOf((known?.seq ?? this.#seq) - 1n);
      const version = { seq: seqOf(this.#seq), deleted: false, cells };
      const isThere = known !== undefined && known.seq === seq;
      expect(this.#backend.replace(table, scope, seq, version)).toBe(isThere);
      if (isThere) this.model.set(id, version);
      return;
    }
    const version = { seq: seqOf(this.#seq), deleted: one.deleted, cells };
    expect(this.#backend.put(table, scope, version)).toBe(!this.model.has(id));
    this.model.set(id, version);
  }

  #batch({ steps, fails }: Extract<Step, { kind: "batch" }>): void {
    const before = new Map(this.model);
    const work = (): number => {
      for (const one of steps) this.apply(one);
      if (fails) throw new Error("on purpose");
      return steps.length;
    };
    if (!fails) {
      expect(this.#backend.batch(work)).toBe(steps.length);
      return;
    }
    expect(() => this.#backend.batch(work)).toThrow("on purpose");
    this.model = before;
  }

  check(): void {
    for (let index = 0; index < 4; index += 1) {
      const { table, scope } = placeOf(index);
      const expected = [...this.model]
        .flatMap(([id, version]) => (id.startsWith(`${index}/`) ? [version] : []))
        .sort((a, b) => (a.seq < b.seq ? -1 : 1));
      const scan = (after: bigint, limit: number) => this.#backend.scan(table, scope, { after: seqOf(after), limit });
      expect(scan(0n, 100)).toEqual(expected);
      expect(scan(0n, 2)).toEqual(expected.slice(0, 2));
      const after = expected[0]?.seq ?? 0n;
      expect(scan(after, 100)).toEqual(expected.slice(1));
      for (let one = 0; one <= 5; one += 1) {
        expect(this.#backend.get(table, scope, BigInt(one))).toEqual(this.model.get(`${index}/${one}`));
      }
    }
  }
}

describe.each([
  ["SQLite", sqlite],
  ["memory", memory],
  ["memory with a file", persisted],
])("ST-11 %s as a backend", (_name, open) => {
  test("after any puts, deletes and batches it has what a map has, partition by partition", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const run = new Run(open());
        for (const one of steps) run.apply(one);
        run.check();
      }),
      { numRuns: 60 },
    );
  });
});
