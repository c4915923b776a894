// STREAM tables WITH (PERSISTED = TRUE): what a restart finds is what was committed before it.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseName } from "../../../src/base/ids.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { INT } from "../../../src/model/sql-type.ts";
import type { StoreOptions } from "../../../src/storage/store.ts";
import { DEFAULT_STREAM_LIMITS, type StreamLimits } from "../../../src/storage/stream/stream-limits.ts";
import { ALICE, BOB, CHAT, definition, failureOf, openTestStore, type TestStore, write } from "../open-test-store.ts";

const TTL_SECONDS = 100;

async function openStream(limits: Partial<StreamLimits> = {}, options: Partial<StoreOptions> = {}) {
  const store = openTestStore({ streamLimits: { ...DEFAULT_STREAM_LIMITS, ...limits }, ...options });
  const { value: table } = await store.current.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    return tx.createTable(persistedDefinition());
  });
  return { store, table, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

function persistedDefinition(): ReturnType<typeof definition> {
  const plain = definition("events", "stream");
  return { ...plain, options: { ...plain.options, ttlSeconds: TTL_SECONDS, isPersisted: true } };
}

async function put(store: TestStore, table: TableSchema, key: number, deleted = false): Promise<void> {
  await store.current.writer.submit((tx) =>
    write(tx, { table, scope: ALICE, cells: [BigInt(key), `body ${key}`], deleted }),
  );
}

/** All that a reader or a resume can see. */
function seen({ current }: TestStore, table: TableSchema): unknown {
  const { streams } = current;
  return {
    alice: streams.versions(table, ALICE),
    bob: streams.versions(table, BOB),
    rows: streams.rowCount(table),
    floor: streams.floor(table),
  };
}

const keys = (store: TestStore, table: TableSchema): readonly number[] =>
  store.current.streams
    .versions(table, ALICE)
    .filter(({ deleted }) => !deleted)
    .map(({ cells }) => Number(cells[0]));

type Step =
  | { readonly kind: "put" | "delete"; readonly key: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "expire" | "forget" | "restart" | "fail" };

const key = fc.nat({ max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("put" as const, "delete" as const), key }) },
  fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 80_000 }) }),
  fc.record({ kind: fc.constantFrom("expire" as const, "forget" as const, "restart" as const, "fail" as const) }),
);

async function take(store: TestStore, table: TableSchema, one: Step): Promise<void> {
  if (one.kind === "put" || one.kind === "delete") await put(store, table, one.key, one.kind === "delete");
  else if (one.kind === "wait") store.clock.wallMs += one.ms;
  else if (one.kind === "expire") await store.current.streams.expire();
  else if (one.kind === "forget") await store.current.streams.forget((work) => work());
  else if (one.kind === "restart") await store.reopen();
  else {
    const failing = store.current.writer.submit((tx) => {
      for (let at = 0; at < 5; at += 1) write(tx, { table, scope: ALICE, cells: [BigInt(at), "never"] });
      throw new Error("no");
    });
    await failureOf(failing);
  }
}

describe("ST-11 TB-03 persisted STREAM tables", () => {
  test("after any history a restart finds the rows, their ends and the floor as they were", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using stream = await openStream({ rowsPerUser: 4 });
        const { store, table } = stream;
        for (const one of steps) await take(store, table, one);
        const before = seen(store, table);
        await store.reopen();
        expect(seen(store, table)).toEqual(before);
      }),
      { numRuns: 25 },
    );
  });

  test("a cursor of before the restart is above the floor, and a row that ended meanwhile ends with an event", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    await put(store, table, 1);
    const { position } = store.current.writer;
    store.clock.wallMs += 60_000;
    await put(store, table, 2);
    store.clock.wallMs += 60_000;
    await store.reopen();
    expect([store.current.streams.floor(table) <= position, keys(store, table)]).toEqual([true, [2]]);
    const told: unknown[] = [];
    store.current.writer.onCommit((event) =>
      told.push(...event.changes.map(({ after }) => [after.cells[0], after.deleted])),
    );
    await store.current.streams.expire();
    expect(told).toEqual([[1n, true]]);
    expect(store.current.streams.floor(table) <= position).toBe(true);
  });

  test("an ALTER holds for rows of before, and a dropped table leaves nothing in the file", async () => {
    await using stream = await openStream();
    const { store, table } = stream;
    await put(store, table, 1);
    const added = { id: 3, name: parseName("n"), type: INT, nullable: true, default: undefined, initial: 7 };
    const { value: altered } = await store.current.writer.submit((tx) =>
      tx.alterTable(table, { ...table, columns: [...table.columns, added] }),
    );
    await store.current.writer.submit((tx) => write(tx, { table: altered, scope: ALICE, cells: [2n, "two", 8] }));
    const before = store.current.streams.versions(altered, ALICE);
    expect(before.map(({ cells }) => cells)).toEqual([
      [1n, "body 1", 7],
      [2n, "two", 8],
    ]);
    await store.reopen();
    expect(store.current.streams.versions(altered, ALICE)).toEqual(before);
    await store.current.writer.submit((tx) => tx.purgeScope(altered, ALICE));
    await store.reopen();
    expect(store.current.streams.rowCount(altered)).toBe(0);
    await store.current.writer.submit((tx) => tx.dropTable(altered));
    await store.current.trimmed();
    const left = store.current.reader.all(
      `SELECT (SELECT count(*) FROM sqlite_schema WHERE name = 'hot_${table.id}') + (SELECT count(*) FROM stream_floors)`,
      [],
    );
    expect(Number(left[0]?.[0])).toBe(0);
  });

  test("a commit that fails leaves memory and file as they were", async () => {
    let isBroken = false;
    await using stream = await openStream(
      {},
      {
        failpoint: (name) => {
          if (isBroken && name === "commit") throw new Error("the disk is gone");
        },
      },
    );
    const { store, table } = stream;
    await put(store, table, 1);
    isBroken = true;
    await failureOf(put(store, table, 2));
    isBroken = false;
    const before = seen(store, table);
    expect(keys(store, table)).toEqual([1]);
    await store.reopen();
    expect(seen(store, table)).toEqual(before);
  });
});
