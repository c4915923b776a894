import { expect, test } from "bun:test";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SHARED_SCOPE } from "../../../src/base/ids.ts";
import { StaleRead } from "../../../src/engine/write.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { rejection } from "../../storage/cold/rejection.ts";
import { ALICE, BOB, createTable, write } from "../../storage/open-test-store.ts";
import { openQueryFixture, type QueryFixture, relationOf, tableRequest, textRequest } from "./query-fixture.ts";

async function putAndFlush(fixture: QueryFixture, table: TableSchema, ids: readonly number[]): Promise<void> {
  const { writer } = fixture.store.current;
  const scope = table.kind === "shared" ? SHARED_SCOPE : ALICE;
  await writer.submit((tx) => {
    for (const id of ids) write(tx, { table, scope, cells: [BigInt(id), `note ${id}`] });
  });
  await fixture.flusher.flushScope({ schema: table, scope, upTo: writer.position });
}

async function ids(fixture: QueryFixture, table: TableSchema, keys?: readonly bigint[]): Promise<unknown[]> {
  const scope = table.kind === "shared" ? SHARED_SCOPE : ALICE;
  const read = {
    schema: table,
    scope,
    ...(keys === undefined ? {} : { keys, where: `r0.c1 IN (${keys.join(", ")})` }),
  };
  const { rows } = await fixture.pool.run(tableRequest(read));
  return rows.map((row) => row[2]);
}

function segmentFiles(fixture: QueryFixture): string[] {
  return readdirSync(fixture.storageDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith(".parquet"))
    .map((entry) => join(entry.parentPath, entry.name));
}

test("ST-05 a segment whose file is missing is an error naming the table, never fewer rows", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const table = await createTable(fixture.store.current, "notes");
  await putAndFlush(fixture, table, [1, 2]);
  await putAndFlush(fixture, table, [3]);
  const [file = ""] = segmentFiles(fixture);
  renameSync(file, `${file}.away`);
  expect(await rejection(ids(fixture, table))).toMatchObject({
    code: "STORAGE_ERROR",
    message: expect.stringContaining("chat.notes"),
  });
  renameSync(`${file}.away`, file);
  expect(await ids(fixture, table)).toEqual([1n, 2n, 3n]);
});

test("ST-05 a key lookup opens only the files whose key range holds the key", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const table = await createTable(fixture.store.current, "notes", "shared");
  await putAndFlush(fixture, table, [1, 5]);
  const before = new Set(segmentFiles(fixture));
  await putAndFlush(fixture, table, [10, 15]);
  for (const file of segmentFiles(fixture)) {
    if (!before.has(file)) writeFileSync(file, "damaged");
  }
  expect(await ids(fixture, table, [5n])).toEqual([5n]);
  expect(await ids(fixture, table, [3n, 7n])).toEqual([]);
  expect(await rejection(ids(fixture, table, [12n]))).toMatchObject({ code: "STORAGE_ERROR" });
});

test("ST-05 files are decoded once: a second query of the scope does not need them", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const table = await createTable(fixture.store.current, "notes");
  await putAndFlush(fixture, table, [1, 2]);
  expect(await ids(fixture, table)).toEqual([1n, 2n]);
  for (const file of segmentFiles(fixture)) rmSync(file);
  expect(await ids(fixture, table)).toEqual([1n, 2n]);
});

test("ST-05 one query may read several scopes larger than the cache", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1, coldCacheBytes: 1 } });
  const mine = await createTable(fixture.store.current, "notes");
  const ours = await createTable(fixture.store.current, "shared_notes", "shared");
  await putAndFlush(fixture, mine, [1, 2, 3]);
  await putAndFlush(fixture, ours, [2, 3, 4]);
  const request = {
    ...textRequest(""),
    sql: [
      "SELECT CAST(r0.c1 AS TEXT) FROM ",
      0,
      " AS r0 JOIN ",
      1,
      " AS r1 ON r0.c1 = r1.c1 JOIN ",
      0,
      " AS r2 ON r2.c1 = r1.c1",
    ],
    values: ["alice"],
    relations: [relationOf({ schema: mine, scope: ALICE }), relationOf({ schema: ours, scope: SHARED_SCOPE })],
  };
  for (const _round of [1, 2]) expect((await fixture.pool.run(request)).json).toBe('[["2"],["3"]]');
});

test("ST-05 a query of a table that was dropped is to be planned anew, flushed or not, and its successor of the same name starts empty", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1 } });
  const { store } = fixture;
  const table = await createTable(store.current, "notes");
  await putAndFlush(fixture, table, [1]);
  expect(await ids(fixture, table)).toEqual([1n]);
  await store.current.writer.submit((tx) => tx.dropTable(table));
  expect(await rejection(ids(fixture, table))).toBeInstanceOf(StaleRead);
  const again = await createTable(store.current, "notes");
  expect(await ids(fixture, again)).toEqual([]);
});

test("ST-05 flushes that commit while queries run never cost or repeat a row", async () => {
  await using fixture = openQueryFixture({ flusher: { segmentRows: 20 } });
  const { store, flusher, pool } = fixture;
  const table = await createTable(store.current, "notes");
  const { writer } = store.current;
  await writer.submit((tx) => {
    for (let id = 0; id < 400; id += 1) write(tx, { table, scope: ALICE, cells: [BigInt(id), "x"] });
    write(tx, { table, scope: BOB, cells: [1n, "bob's"] });
  });
  let flushed = false;
  const flushing = flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position }).then(() => {
    flushed = true;
  });
  const request = {
    ...textRequest(""),
    sql: ["SELECT CAST(count(*) AS TEXT), CAST(count(DISTINCT r0.c1) AS TEXT) FROM ", 0, " AS r0"],
    values: ["alice"],
    relations: [relationOf({ schema: table, scope: ALICE })],
    output: [{ kind: "bigint" }, { kind: "bigint" }] as const,
  };
  const answers = new Set<string>();
  do {
    const results = await Promise.all([pool.run(request), pool.run(request)]);
    for (const { json } of results) answers.add(json);
  } while (!flushed);
  await flushing;
  expect([...answers]).toEqual(['[["400","400"]]']);
  expect(store.current.catalog.segments(table.id, ALICE)).toHaveLength(20);
});

test("ST-05 rows beyond those asked for are counted and neither kept nor sent", async () => {
  await using fixture = openQueryFixture({ pool: { processes: 1, maxResultBytes: 200 } });
  const table = await createTable(fixture.store.current, "notes");
  await putAndFlush(
    fixture,
    table,
    Array.from({ length: 100 }, (_unused, id) => id),
  );
  const request = tableRequest({ schema: table, scope: ALICE });
  const { rows, rowCount } = await fixture.pool.run({ ...request, maxRows: 2 });
  expect([rows.length, rowCount]).toEqual([2, 100]);
  expect(await rejection(fixture.pool.run(request))).toMatchObject({ code: "RESULT_TOO_LARGE" });
});
