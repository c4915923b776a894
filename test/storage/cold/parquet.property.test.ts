import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import type { Scope } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { SqlType } from "../../../src/model/sql-type.ts";
import { cellToSqlite, typeText } from "../../../src/model/types.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { writeSegment } from "../../../src/storage/cold/parquet-write.ts";
import type { SegmentSource } from "../../../src/storage/cold/segment-footer.ts";
import { compareSqlite } from "../../../src/storage/cold/sqlite-order.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { ALL_TYPES, columnOf, rowsOf, rowText, SHARED, schemaOf } from "./arbitrary.ts";

let folder = "";
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kalamdb-parquet-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function nextPath(): string {
  files += 1;
  return join(folder, `segment-${files}.parquet`);
}

async function collect(query: Omit<SegmentSource, "objects">): Promise<RowVersion[]> {
  const rows: RowVersion[] = [];
  const file = { objects: openFilesystemStore(folder), path: basename(query.path) };
  for await (const batch of readSegment({ ...query, ...file })) rows.push(...batch);
  return rows;
}

function sorted(rows: readonly RowVersion[]): string[] {
  return rows.map(rowText).sort();
}

async function roundTrip(schema: TableSchema, rows: readonly RowVersion[], scope: Scope = SHARED): Promise<void> {
  const path = nextPath();
  const written = await writeSegment({
    objects: openFilesystemStore(folder),
    path: basename(path),
    schema,
    scope,
    rows,
  });
  expect(written.rows).toBe(rows.length);
  expect(sorted(await collect({ path, schema, scope, expectedRows: rows.length }))).toEqual(sorted(rows));
}

describe("every type as a value", () => {
  for (const type of ALL_TYPES) {
    test(`ST-02 a ${typeText(type)} column reads back exactly as it was written, NULLs and extremes included`, async () => {
      const schema = schemaOf([columnOf(1, { kind: "bigint" }), columnOf(2, type)]);
      await fc.assert(
        fc.asyncProperty(rowsOf(schema), (rows) => roundTrip(schema, rows)),
        { numRuns: 25 },
      );
    });
  }
});

const KEY_TYPES: readonly SqlType[] = ALL_TYPES.filter(({ kind }) => kind !== "json");

describe("every type as a key", () => {
  for (const type of KEY_TYPES) {
    test(`ST-05 a file of ${typeText(type)} keys names the true range of its keys`, async () => {
      const schema = schemaOf([columnOf(1, type), columnOf(2, { kind: "text" })]);
      const property = fc.asyncProperty(rowsOf(schema, 30), async (rows) => {
        const path = nextPath();
        const written = await writeSegment({
          objects: openFilesystemStore(folder),
          path: basename(path),
          schema,
          scope: SHARED,
          rows,
        });
        const keys = rows.map((row) => cellToSqlite(row.cells[0] ?? null, type)).sort(compareSqlite);
        expect([written.minKey, written.maxKey]).toEqual([keys[0] ?? null, keys.at(-1) ?? null]);
      });
      await fc.assert(property, { numRuns: 25 });
    });
  }
});

test("ST-02 a row of every type at once reads back, whatever is NULL", async () => {
  const schema = schemaOf([
    columnOf(1, { kind: "uuid" }),
    ...ALL_TYPES.map((type, index) => columnOf(index + 2, type)),
  ]);
  await fc.assert(
    fc.asyncProperty(rowsOf(schema, 20), (rows) => roundTrip(schema, rows)),
    { numRuns: 40 },
  );
});
