import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { seqOf } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { SqliteValue, SqlType } from "../../../src/model/sql-type.ts";
import { cellToSqlite, typeText } from "../../../src/model/types.ts";
import { valueAt } from "../../../src/storage/cold/column-vector.ts";
import { lookUpKeys } from "../../../src/storage/cold/key-lookup.ts";
import { writeSegment } from "../../../src/storage/cold/parquet-write.ts";
import { SegmentCache, type SegmentRef } from "../../../src/storage/cold/segment-cache.ts";
import { compareSqlite } from "../../../src/storage/cold/sqlite-order.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { failureOf } from "../open-test-store.ts";
import { ALL_TYPES, cellOf, cellText, columnOf, rowsOf, SHARED, schemaOf } from "./arbitrary.ts";

setDefaultTimeout(600_000);

const CACHE_BYTES = 1 << 20;
let folder = "";
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kalamdb-segments-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function write(schema: TableSchema, rows: readonly RowVersion[]): Promise<SegmentRef> {
  files += 1;
  const path = `segment-${files}.parquet`;
  const objects = openFilesystemStore(folder);
  return { id: files, path, ...(await writeSegment({ objects, path, schema, scope: SHARED, rows })) };
}

/** Without room nothing is kept, and each read goes to the file. */
function openCache(maxBytes = CACHE_BYTES): SegmentCache {
  return new SegmentCache({ objects: openFilesystemStore(folder), maxBytes });
}

/** The places of every column, then `_seq` and `_deleted`. */
function stored(schema: TableSchema, { cells, seq, deleted }: RowVersion): SqliteValue[] {
  return [...schema.columns.map(({ type }, place) => cellToSqlite(cells[place] ?? null, type)), seq, deleted ? 1 : 0];
}

/** Equal for values that SQLite has as equal. */
function texts(values: readonly SqliteValue[]): string[] {
  return values.map((value) => (value instanceof Uint8Array ? `x${value.toHex()}` : String(value)));
}

function byKey(schema: TableSchema, rows: readonly RowVersion[]): RowVersion[] {
  const keyOf = (row: RowVersion): SqliteValue => stored(schema, row)[schema.keyIndex] ?? null;
  return rows.toSorted((a, b) => compareSqlite(keyOf(a), keyOf(b)));
}

/** Whole columns and single rows, of one row group. */
async function assertSame(schema: TableSchema, rows: readonly RowVersion[]): Promise<void> {
  const segment = await write(schema, rows);
  const cache = openCache();
  const target = { schema, scope: SHARED };
  const expected = byKey(schema, rows).map((row) => stored(schema, row));
  const places = [...schema.columns.keys(), schema.columns.length, schema.columns.length + 1];
  const positions = [0, rows.length >> 1, (rows.length >> 1) + 1, rows.length - 1]
    .filter((at) => at < rows.length)
    .sort((a, b) => a - b);
  const single = await openCache().rows(target, { segment, group: 0 }, { places, positions });
  const few = rows.map((_row, at) => at).filter((at) => at % 97 === 5);
  const spread = await openCache(0).rows(target, { segment, group: 0 }, { places, positions: few });
  for (const place of places) {
    const vector = await cache.column(target, { segment, group: 0, place });
    const values = Array.from({ length: vector.length }, (_unused, at) => valueAt(vector, at));
    expect(texts(values)).toEqual(texts(expected.map((row) => row[place] ?? null)));
    expect(texts(single[place] ?? [])).toEqual(texts(positions.map((at) => expected[at]?.[place] ?? null)));
    expect(texts(spread[place] ?? [])).toEqual(texts(few.map((at) => expected[at]?.[place] ?? null)));
    expect(cache.bytes).toBeLessThanOrEqual(CACHE_BYTES);
  }
}

describe("columns and single rows of a file", () => {
  for (const type of ALL_TYPES) {
    test(`ST-05 a ${typeText(type)} column has the values that were written, NULLs included`, async () => {
      const schema = schemaOf([columnOf(1, { kind: "bigint" }), columnOf(2, type)]);
      const property = fc.asyncProperty(rowsOf(schema, 30), (rows) => assertSame(schema, rows));
      await fc.assert(property, { numRuns: 25 });
    });

    test(`ST-05 so it has when few ${typeText(type)} values fill many pages`, async () => {
      const schema = schemaOf([columnOf(1, { kind: "bigint" }), columnOf(2, type)]);
      const short = cellOf(type).filter((cell) => cellText(cell).length < 1_000);
      const values = fc.array(short, { minLength: 1, maxLength: 5 });
      const property = fc.asyncProperty(values, fc.boolean(), async (some, hasNulls) => {
        const choices = hasNulls ? [...some, null] : some;
        const rows = Array.from({ length: 9_000 }, (_unused, at): RowVersion => {
          const id = BigInt(at);
          return {
            seq: seqOf(id + 1n),
            deleted: at % 50 === 7,
            cells: [id, choices[(at * 7) % choices.length] ?? null],
          };
        });
        await assertSame(schema, rows);
      });
      await fc.assert(property, { numRuns: 4 });
    });
  }
});

/** Each later file holds later versions. */
async function writeFiles(schema: TableSchema, parts: readonly (readonly RowVersion[])[]): Promise<SegmentRef[]> {
  const segments: SegmentRef[] = [];
  let seq = 1n;
  for (const rows of parts.filter((part) => part.length > 0)) {
    const first = seq;
    seq += BigInt(rows.length);
    segments.push(
      await write(
        schema,
        rows.map((row, index) => ({ ...row, seq: seqOf(first + BigInt(index)) })),
      ),
    );
  }
  return segments;
}

const KEY_TYPES: readonly SqlType[] = ALL_TYPES.filter(({ kind }) => kind !== "json");

describe("look-ups by key", () => {
  for (const type of KEY_TYPES) {
    test(`ST-05 a look-up by ${typeText(type)} key finds the newest live version of each key asked for and nothing else`, async () => {
      const schema = schemaOf([columnOf(1, type), columnOf(2, { kind: "text" })]);
      const parts = fc.array(rowsOf(schema, 12), { minLength: 1, maxLength: 3 });
      const property = fc.asyncProperty(
        parts,
        rowsOf(schema, 4),
        fc.boolean(),
        async (files, others, includeDeleted) => {
          // The second file writes some keys of the first anew.
          const [first = [], second = [], ...rest] = files;
          const again = first.filter((_row, index) => index % 2 === 0);
          const known = new Set(again.map(({ cells: [key = null] }) => cellText(key)));
          const fresh = second.filter(({ cells: [key = null] }) => !known.has(cellText(key)));
          const segments = await writeFiles(schema, [first, [...again, ...fresh], ...rest]);
          const newest = new Map<string, string>();
          const all = [...first, ...again, ...fresh, ...rest.flat()];
          for (const row of all) {
            const [key = null] = row.cells;
            if (row.deleted && !includeDeleted) newest.delete(cellText(key));
            else newest.set(cellText(key), texts(stored(schema, row).slice(0, 2)).join());
          }
          const keys = [...all.filter((_row, index) => index % 3 === 0), ...others].map(
            ({ cells: [key = null] }) => key,
          );
          const lookup = { schema, scope: SHARED, segments, keys, places: [0, 1], includeDeleted };
          const { rows } = await lookUpKeys(lookup, openCache());
          const expected = [...new Set(keys.map(cellText))].flatMap((key) => newest.get(key) ?? []);
          expect(rows.map((row) => texts(row).join()).sort()).toEqual(expected.sort());
        },
      );
      await fc.assert(property, { numRuns: 20 });
    });
  }
});

test.each([
  ["small, and kept whole", 500],
  ["large, and read column by column", 5_000],
])("ST-05 a damaged column of a file that is %s fails, and nothing of it is kept", async (_which, count) => {
  const schema = schemaOf([columnOf(1, { kind: "bigint" }), columnOf(2, { kind: "text" })]);
  const body = (at: number): string => new Bun.CryptoHasher("sha256").update(`${at}`).digest("base64");
  const rows = Array.from({ length: count }, (_unused, at): RowVersion => {
    return { seq: seqOf(BigInt(at + 1)), deleted: false, cells: [BigInt(at), body(at)] };
  });
  const segment = await write(schema, rows);
  const path = join(folder, segment.path);
  const good = readFileSync(path);
  const cache = openCache();
  const column = () => cache.column({ schema, scope: SHARED }, { segment, group: 0, place: 1 });
  const at = good.indexOf(body(3).slice(0, 12));
  const changed = Buffer.from(good);
  const place = at < 0 ? good.length >> 1 : at;
  changed[place] = (changed[place] ?? 0) ^ 1;
  writeFileSync(path, changed);
  expect(await failureOf(column())).toMatchObject({ code: "STORAGE_ERROR" });
  writeFileSync(path, good);
  expect(valueAt(await column(), 3)).toBe(body(3));
});
