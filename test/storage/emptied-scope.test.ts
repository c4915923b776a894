// A scope that is emptied: nothing of it is left for any reader from one commit on, in the same time however much it was, while the rows still lie in the file.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Scope, SHARED_SCOPE } from "../../src/base/ids.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { hotRelation } from "../../src/storage/hot/relation.ts";
import type { CommitEvent, WriteTx } from "../../src/storage/seams.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, BOB, createTable, failureOf, openTestStore, write } from "./open-test-store.ts";

const KINDS = [
  ["user", ALICE],
  ["shared", SHARED_SCOPE],
] as const;

function put(tx: WriteTx, table: TableSchema, scope: Scope, ids: readonly number[]): void {
  for (const id of ids) write(tx, { table, scope, cells: [BigInt(id), `row ${id}`] });
}

function storedRows(store: Store, table: TableSchema): number {
  using db = new Database(store.path, { readonly: true });
  using count = db.prepare<{ rows: number }, []>(`SELECT count(*) AS rows FROM hot_${table.id}`);
  return count.get()?.rows ?? 0;
}

/** As queries read the buffer. */
function shownIds(store: Store, table: TableSchema, scope: Scope): number[] {
  const startsAt = String(store.catalog.historyStartsAt(table.id, scope));
  const scopeParameter = table.kind === "shared" ? undefined : "?1";
  const relation = hotRelation({ schema: table, scopeParameter, includeDeleted: false, startsAt, columns: ["c1"] });
  const values = table.kind === "shared" ? [] : [scope];
  return store.reader.all(`SELECT c1 FROM ${relation} ORDER BY c1`, values).map(([id]) => Number(id));
}

test.each(KINDS)(
  "TB-02 a %s scope is empty from the commit on, before its rows have left the file",
  async (kind, scope) => {
    await using fixture = openTestStore();
    const store = fixture.current;
    const table = await createTable(store, "notes", kind);
    await store.writer.submit((tx) => {
      put(
        tx,
        table,
        scope,
        Array.from({ length: 600 }, (_unused, id) => id),
      );
      if (kind === "user") put(tx, table, BOB, [1, 2]);
    });
    const events: CommitEvent[] = [];
    store.writer.onCommit((event) => events.push(event));
    const others = kind === "user" ? 2 : 0;
    const { position } = await store.writer.submit((tx) => {
      tx.emptyScope(table, scope);
      expect(tx.get(table, scope, 5n)).toBeUndefined();
      expect(tx.inspectRows(table, { after: store.writer.position, columns: [], limit: 10 }).hasLiveRow).toBe(false);
    });
    expect(events).toMatchObject([{ changes: [], emptied: [{ table: table.id, scope }] }]);
    expect(storedRows(store, table)).toBe(600 + others);
    expect([shownIds(store, table, scope), store.reader.get(table, scope, 5n)]).toEqual([[], undefined]);
    expect([store.writer.bufferedRows(table.id), store.writer.bufferedRows(table.id, scope)]).toEqual([others, 0]);
    expect(store.catalog.historyStartsAt(table.id, scope)).toBeLessThanOrEqual(position);
    // A key that lies in the file still is a new row.
    const { value: isNew } = await store.writer.submit((tx) => {
      put(tx, table, scope, [5]);
      return tx.get(table, scope, 5n)?.cells;
    });
    expect(isNew).toEqual([5n, "row 5"]);
    expect(events.at(-1)?.changes).toMatchObject([{ before: undefined }]);
    expect(shownIds(store, table, scope)).toEqual([5]);
    await store.trimmed();
    expect([storedRows(store, table), shownIds(store, table, scope)]).toEqual([1 + others, [5]]);
    if (kind === "user") expect(shownIds(store, table, BOB)).toEqual([1, 2]);
  },
);

test("TB-08 a work that empties a scope and fails leaves it as it was", async () => {
  await using fixture = openTestStore();
  const store = fixture.current;
  const table = await createTable(store, "notes");
  await store.writer.submit((tx) => put(tx, table, ALICE, [1, 2]));
  const failed = store.writer.submit((tx) => {
    tx.emptyScope(table, ALICE);
    put(tx, table, ALICE, [3]);
    throw new Error("no");
  });
  expect(await failureOf(failed)).toMatchObject({ message: "no" });
  await store.trimmed();
  expect([shownIds(store, table, ALICE), store.writer.bufferedRows(table.id, ALICE)]).toEqual([[1, 2], 2]);
});

test("TB-02 ST-03 after any history a scope holds what was written since it was emptied, also after a restart", async () => {
  const id = fc.integer({ min: 0, max: 9 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put" as const), id }),
    fc.record({ kind: fc.constant("delete" as const), id }),
    fc.constantFrom({ kind: "empty" as const }, { kind: "trim" as const }, { kind: "reopen" as const }),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...KINDS), fc.array(step, { maxLength: 40 }), async ([kind, scope], steps) => {
      await using fixture = openTestStore();
      const table = await createTable(fixture.current, "notes", kind);
      const live = new Set<number>();
      const known = new Set<number>();
      for (const step of steps) {
        const store = fixture.current;
        if (step.kind === "trim") await store.trimmed();
        else if (step.kind === "reopen") await fixture.reopen();
        else if (step.kind === "empty") {
          await store.writer.submit((tx) => tx.emptyScope(table, scope));
          live.clear();
          known.clear();
        } else {
          const deleted = step.kind === "delete";
          if (deleted && !live.has(step.id)) continue;
          const cells = [BigInt(step.id), "x"];
          await store.writer.submit((tx) => write(tx, { table, scope, cells, deleted }));
          known.add(step.id);
          if (deleted) live.delete(step.id);
          else live.add(step.id);
        }
        expect(shownIds(fixture.current, table, scope)).toEqual([...live].sort((a, b) => a - b));
        expect(fixture.current.writer.bufferedRows(table.id, scope)).toBe(known.size);
      }
    }),
    { numRuns: 40 },
  );
});
