import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseName, SHARED_SCOPE } from "../../src/base/ids.ts";
import type { TableKind, TableSchema } from "../../src/model/schema.ts";
import type { Cell, ColumnKind, SqlType } from "../../src/model/sql-type.ts";
import { COLUMN_TYPES, isColumnKind } from "../../src/model/types.ts";
import { hotColumns, hotRelation, hotTableDdl, hotTableName } from "../../src/storage/hot/relation.ts";
import { embeddingOf } from "./cold/arbitrary.ts";
import { ALICE, BOB, CHAT, columnsOf, createTable, definition, openTestStore, write } from "./open-test-store.ts";

async function schemaOf(kind: TableKind): Promise<TableSchema> {
  await using store = openTestStore();
  return createTable(store.current, "messages", kind);
}

describe("hotRelation", () => {
  test.each<[string, TableKind, string | undefined, boolean, string]>([
    [
      "live rows of one user",
      "user",
      "?3",
      false,
      "(SELECT c1, c2, _seq, _deleted FROM hot_1 WHERE _user = ?3 AND _deleted = 0)",
    ],
    ["every version of one user", "user", "?1", true, "(SELECT c1, c2, _seq, _deleted FROM hot_1 WHERE _user = ?1)"],
    ["live rows of all", "shared", undefined, false, "(SELECT c1, c2, _seq, _deleted FROM hot_1 WHERE _deleted = 0)"],
    ["every version of all", "shared", undefined, true, "(SELECT c1, c2, _seq, _deleted FROM hot_1)"],
  ])("TB-03 %s", async (_why, kind, scopeParameter, includeDeleted, text) => {
    expect(hotRelation({ schema: await schemaOf(kind), scopeParameter, includeDeleted })).toBe(text);
  });

  test.each<[string, TableKind, string | undefined]>([
    ["a USER table without a user", "user", undefined],
    ["a SHARED table with one", "shared", "?1"],
    ["a value where a bound parameter belongs", "user", "'alice'"],
    ["more than a parameter", "user", "?1 OR 1 = 1"],
    ["no parameter at all", "user", ""],
  ])("TB-03 is not to be had for %s", async (_why, kind, scopeParameter) => {
    const schema = await schemaOf(kind);
    expect(() => hotRelation({ schema, scopeParameter, includeDeleted: true })).toThrow("assertion failed");
  });

  test("TB-03 shows each user their own rows and tombstones only where asked for", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "alice"] });
      write(tx, { table, scope: ALICE, cells: [2n, "gone"], deleted: true });
      write(tx, { table, scope: BOB, cells: [1n, "bob"] });
    });
    const read = (includeDeleted: boolean) => {
      const relation = hotRelation({ schema: table, scopeParameter: "?1", includeDeleted });
      return store.current.reader.all(`SELECT c1, c2, _deleted FROM ${relation} ORDER BY c1`, [ALICE]);
    };
    expect(read(false)).toEqual([[1, "alice", 0]]);
    expect(read(true)).toEqual([
      [1, "alice", 0],
      [2, "gone", 1],
    ]);
  });
});

describe("the hot table", () => {
  test("names its columns by their ids: a renamed column keeps its rows", async () => {
    const schema = await schemaOf("user");
    const columns = schema.columns.map((column, index) => ({
      ...column,
      id: index * 3 + 1,
      name: parseName(`n${index}`),
    }));
    expect(hotColumns({ columns })).toEqual(["c1", "c4"]);
    expect(hotTableName(schema)).toBe("hot_1");
  });

  test.each<[TableKind, string, string]>([
    ["user", "_user = ?1 AND c1 = ?2", "(_user=? AND c1=?)"],
    ["shared", "c1 = ?1", "(c1=?)"],
  ])("TB-02 a key of a %s table is found by one index search", async (kind, condition, search) => {
    const schema = await schemaOf(kind);
    using db = new Database(":memory:");
    db.run(hotTableDdl(schema));
    using plan = db.prepare(`EXPLAIN QUERY PLAN SELECT c2 FROM ${hotTableName(schema)} WHERE ${condition}`);
    const values = Array.from({ length: plan.paramsCount }, () => 1);
    expect(String(plan.values(...values)[0]?.[3])).toEndWith(search);
  });
});

const KINDS = Object.keys(COLUMN_TYPES).filter(isColumnKind);
const typeOf = (kind: ColumnKind): SqlType => {
  if (kind === "decimal") return { kind, precision: 38, scale: 4 };
  return kind === "embedding" ? { kind, dimensions: 3 } : { kind };
};
const TYPED = columnsOf(
  Object.fromEntries(["bigint" as const, ...KINDS].map((kind, index) => [`c_${index}`, typeOf(kind)])),
);

const micros = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
const CELLS: Record<ColumnKind, fc.Arbitrary<Cell>> = {
  boolean: fc.boolean(),
  smallint: fc.integer({ min: -32_768, max: 32_767 }),
  int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float: fc.float({ noNaN: true }).map((value) => value + 0),
  double: fc.double({ noNaN: true }).map((value) => value + 0),
  decimal: fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
  text: fc.string({ unit: "binary" }).map((text) => text.replaceAll("\u0000", "")),
  timestamp: micros,
  datetime: micros,
  date: fc.integer({ min: -700_000, max: 2_900_000 }),
  time: fc.integer({ min: 0, max: 86_399_999_999 }),
  json: fc.json(),
  bytes: fc.uint8Array(),
  uuid: fc.uuid(),
  embedding: embeddingOf(3),
  // Only an uploaded file has a reference: file-store.test.ts.
  file: fc.constant(null),
};

test("TB-04 every type reads back the cell that was written, NULL and extremes included", async () => {
  await using store = openTestStore();
  const { value: table } = await store.current.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    return tx.createTable({ ...definition("typed", "shared"), columns: TYPED });
  });
  const row = fc.tuple(CELLS.bigint, ...KINDS.map((kind) => fc.option(CELLS[kind])));
  await fc.assert(
    fc.asyncProperty(row, async (cells) => {
      await store.current.writer.submit((tx) => write(tx, { table, scope: SHARED_SCOPE, cells }));
      expect(store.current.reader.get(table, SHARED_SCOPE, cells[0])?.cells).toEqual(cells);
    }),
  );
});

test("TB-04 NaN, which SQLite would turn into NULL, is refused and fails its work alone", async () => {
  await using store = openTestStore();
  const { value: table } = await store.current.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    return tx.createTable({
      ...definition("t", "shared"),
      columns: columnsOf({ id: { kind: "bigint" }, x: { kind: "double" } }),
    });
  });
  const [failed, fine] = await Promise.allSettled([
    store.current.writer.submit((tx) => write(tx, { table, scope: SHARED_SCOPE, cells: [1n, Number.NaN] })),
    store.current.writer.submit((tx) => write(tx, { table, scope: SHARED_SCOPE, cells: [2n, 1.5] })),
  ]);
  expect(failed).toEqual({ status: "rejected", reason: expect.objectContaining({ code: "INVALID_VALUE" }) });
  expect(fine.status).toBe("fulfilled");
});
