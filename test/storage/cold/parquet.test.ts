import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { asyncBufferFromFile, parquetMetadata, parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { parseUserId, type Scope, scopeOfUser, seqOf, tableIdOf } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import { keyColumn, type TableSchema } from "../../../src/model/schema.ts";
import { BIGINT, type Cell, INT, type SqlType, TEXT } from "../../../src/model/sql-type.ts";
import { cellToSqlite } from "../../../src/model/types.ts";
import { lookUpKeys } from "../../../src/storage/cold/key-lookup.ts";
import { readSegment, readSegmentMetadata } from "../../../src/storage/cold/parquet-read.ts";
import { writeSegment } from "../../../src/storage/cold/parquet-write.ts";
import { SegmentCache } from "../../../src/storage/cold/segment-cache.ts";
import { ROW_GROUP_ROWS } from "../../../src/storage/cold/segment-encoder.ts";
import type { SegmentSource } from "../../../src/storage/cold/segment-footer.ts";
import { DELETED_FIELD_ID, SEQ_FIELD_ID, segmentMetadata } from "../../../src/storage/cold/segment-metadata.ts";
import { compareSqlite } from "../../../src/storage/cold/sqlite-order.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import { ALL_TYPES, columnOf, rowText, SHARED, schemaOf } from "./arbitrary.ts";
import { rejection } from "./rejection.ts";
import { withoutChecksums } from "./without-checksums.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kalamdb-parquet-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function collect(query: Omit<SegmentSource, "objects">): Promise<RowVersion[]> {
  const rows: RowVersion[] = [];
  const file = { objects: openFilesystemStore(folder), path: basename(query.path) };
  for await (const batch of readSegment({ ...query, ...file })) rows.push(...batch);
  return rows;
}

function rowOf(seq: number, cells: readonly Cell[], deleted = false): RowVersion {
  return { seq: seqOf(BigInt(seq)), deleted, cells };
}

async function write(
  name: string,
  schema: TableSchema,
  rows: readonly RowVersion[],
  scope: Scope = SHARED,
): Promise<string> {
  await writeSegment({ objects: openFilesystemStore(folder), path: name, schema, scope, rows });
  return join(folder, name);
}

/** Of the only segment of a scope: the columns' values by key, as SQLite has them. */
async function lookUp(path: string, schema: TableSchema, keys: readonly Cell[]): Promise<readonly unknown[]> {
  const objects = openFilesystemStore(folder);
  const { minSeq, maxSeq } = await readSegmentMetadata(objects, basename(path));
  const rows = Number(parquetMetadata(readFileSync(path), { geoparquet: false }).num_rows);
  const ordered = keys.map((key) => cellToSqlite(key, keyColumn(schema).type)).sort(compareSqlite);
  const range = { minKey: ordered[0] ?? null, maxKey: ordered.at(-1) ?? null };
  const segments = [{ id: 1, path: basename(path), rows, minSeq, maxSeq, ...range }];
  const places = [...schema.columns.keys()];
  const lookup = { schema, scope: SHARED, segments, keys, places, includeDeleted: true };
  return (await lookUpKeys(lookup, new SegmentCache({ objects, maxBytes: 1 << 20 }))).rows;
}

const notes = schemaOf([columnOf(1, BIGINT, "id"), columnOf(2, TEXT, "body")]);

test("ST-06 a file says which table, schema version, owner, positions and columns it holds", async () => {
  const alice = scopeOfUser(parseUserId("alice"));
  const schema = schemaOf([
    columnOf(1, BIGINT, "id"),
    columnOf(5, { kind: "decimal", precision: 9, scale: 2 }, "price"),
  ]);
  const path = await write("metadata.parquet", schema, [rowOf(11, [1n, 250n]), rowOf(7, [2n, null])], alice);
  expect(await readSegmentMetadata(openFilesystemStore(folder), "metadata.parquet")).toEqual({
    table: "chat.messages",
    tableId: 7,
    schemaVersion: 1,
    user: "alice",
    minSeq: seqOf(7n),
    maxSeq: seqOf(11n),
    columns: [
      { id: 1, name: "id", type: BIGINT },
      { id: 5, name: "price", type: { kind: "decimal", precision: 9, scale: 2 } },
    ],
    hasChecksums: true,
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("ST-06 other readers find every column annotated with its logical type and its id", async () => {
  const schema = schemaOf(ALL_TYPES.map((type, index) => columnOf(index + 1, type, `a_${type.kind}_${index + 1}`)));
  const path = await write("types.parquet", schema, [rowOf(1, ALL_TYPES.map(sampleOf))]);
  const { schema: elements, row_groups: groups } = parquetMetadata(readFileSync(path), { geoparquet: false });
  const described = elements.slice(1).map(({ name, type, converted_type, logical_type, field_id }) => {
    return `${field_id ?? "-"} ${name} ${type ?? "-"} ${converted_type ?? "-"} ${logical_type?.type ?? "-"}`;
  });
  expect(described).toEqual([
    "1 a_boolean_1 BOOLEAN - -",
    "2 a_smallint_2 INT32 INT_16 -",
    "3 a_int_3 INT32 INT_32 -",
    "4 a_bigint_4 INT64 INT_64 -",
    "5 a_float_5 FLOAT - -",
    "6 a_double_6 DOUBLE - -",
    "7 a_decimal_7 FIXED_LEN_BYTE_ARRAY DECIMAL DECIMAL",
    "8 a_decimal_8 FIXED_LEN_BYTE_ARRAY DECIMAL DECIMAL",
    "9 a_text_9 BYTE_ARRAY UTF8 STRING",
    "10 a_timestamp_10 INT64 TIMESTAMP_MICROS TIMESTAMP",
    "11 a_datetime_11 INT64 TIMESTAMP_MICROS TIMESTAMP",
    "12 a_date_12 INT32 DATE DATE",
    "13 a_time_13 INT64 - TIME",
    "14 a_json_14 BYTE_ARRAY JSON JSON",
    "15 a_bytes_15 BYTE_ARRAY - -",
    "16 a_uuid_16 FIXED_LEN_BYTE_ARRAY - UUID",
    "17 a_embedding_17 - LIST LIST",
    "- list - - -",
    "- element FLOAT - -",
    "2147483001 _seq INT64 INT_64 -",
    "2147483002 _deleted BOOLEAN - -",
  ]);
  expect(groups[0]?.columns.every((chunk) => chunk.meta_data?.codec === "ZSTD")).toBe(true);
  expect(groups[0]?.columns[0]?.meta_data?.bloom_filter_offset).toBeDefined();
});

function sampleOf(type: SqlType): Cell {
  const samples: Partial<Record<SqlType["kind"], Cell>> = {
    boolean: true,
    smallint: 1,
    int: 1,
    bigint: 1n,
    float: 1,
    double: 1,
    decimal: 1n,
    text: "t",
    timestamp: 1n,
    datetime: 1n,
    date: 1,
    time: 1,
    json: "{}",
    bytes: new Uint8Array([1]),
    uuid: "00000000-0000-0000-0000-000000000001",
    embedding: new Uint8Array(12),
    file: "{}",
  };
  return samples[type.kind] ?? null;
}

test("ST-05 a key lookup decodes one row group: the data of the others may be unreadable", async () => {
  const count = 3 * ROW_GROUP_ROWS;
  // Written in reverse: the file orders by key.
  const rows = Array.from({ length: count }, (_unused, i) => rowOf(i + 1, [BigInt(count - i), `body ${count - i}`]));
  const path = await write("groups.parquet", notes, rows);
  const { row_groups: groups } = parquetMetadata(readFileSync(path), { geoparquet: false });
  expect(groups.map((group) => Number(group.num_rows))).toEqual([ROW_GROUP_ROWS, ROW_GROUP_ROWS, ROW_GROUP_ROWS]);

  writeFileSync(path, withoutChecksums(readFileSync(path)));
  const file = openSync(path, "r+");
  for (const group of [groups[0], groups[2]]) {
    for (const chunk of group?.columns ?? []) {
      const at = Number(chunk.meta_data?.dictionary_page_offset ?? chunk.meta_data?.data_page_offset ?? 0n);
      const length = Number(chunk.meta_data?.total_compressed_size ?? 0n);
      writeSync(file, new Uint8Array(length).fill(0xff), 0, length, at);
    }
  }
  closeSync(file);

  const wanted = BigInt(ROW_GROUP_ROWS + 5);
  expect(await lookUp(path, notes, [wanted])).toEqual([[wanted, `body ${wanted}`]]);
  expect(await rejection(collect({ path, schema: notes, scope: SHARED }))).toMatchObject({ code: "STORAGE_ERROR" });
});

test("ST-05 a key that its row group's range covers but its Bloom filter does not is answered without any data page", async () => {
  // Integers have none that is asked: they are decoded as fast.
  const schema = schemaOf([columnOf(1, TEXT, "id"), columnOf(2, TEXT, "body")]);
  const rows = Array.from({ length: 1000 }, (_unused, i) => rowOf(i + 1, [`key ${10_000 + 2 * i}`, "even"]));
  const path = await write("bloom.parquet", schema, rows);
  const { row_groups: groups } = parquetMetadata(readFileSync(path), { geoparquet: false });
  const end = Number(groups[0]?.total_compressed_size ?? 0n);
  writeFileSync(path, withoutChecksums(readFileSync(path)));
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(end).fill(0xff), 0, end, 4);
  closeSync(file);
  const absent = Array.from({ length: 8 }, (_unused, i) => `key ${10_000 + 2 * i + 501}`);
  const outcomes = await Promise.allSettled(absent.map((key) => lookUp(path, schema, [key])));
  // One in a hundred may be a false positive, which would meet the damaged page.
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(6);
});

test("ST-05 a text key that begins with a byte order mark is found, and so are its neighbours, when bounds of pages rule out", async () => {
  const schema = schemaOf([columnOf(1, TEXT, "id")]);
  // A long key fills a page, so that the others have a page, and bounds, of their own.
  const keys = ["a".repeat(70_000), "zz", "\ufeffmark first"];
  const path = await write(
    "byte-order-mark.parquet",
    schema,
    keys.map((key, index) => rowOf(index + 1, [key])),
  );
  for (const key of keys) {
    expect(await lookUp(path, schema, [key])).toEqual([[key]]);
  }
});

test("ST-05 TB-09 a column added after the file was written reads as the value fixed when it was added, or NULL", async () => {
  const path = await write("old.parquet", notes, [rowOf(1, [1n, "kept"])]);
  const added = schemaOf([
    columnOf(1, BIGINT, "id"),
    { ...columnOf(3, INT, "stars"), default: { kind: "literal", value: 9 }, initial: 5 },
    { ...columnOf(4, TEXT, "author"), default: { kind: "function", name: "CURRENT_USER" } },
    columnOf(2, TEXT, "text"),
  ]);
  const [row] = await collect({ path, schema: added, scope: SHARED });
  expect(row?.cells).toEqual([1n, 5, null, "kept"]);
});

test("ST-05 a column whose type was widened reads its old values in the new type, as a value and as a key", async () => {
  const path = await write("narrow.parquet", schemaOf([columnOf(1, INT), columnOf(2, INT)]), [rowOf(1, [7, -3])]);
  const widened = schemaOf([columnOf(1, BIGINT), columnOf(2, TEXT)]);
  expect(await lookUp(path, widened, [7n])).toEqual([[7n, "-3"]]);
  const found = await collect({ path, schema: widened, scope: SHARED });
  expect(found.map(rowText)).toEqual([rowText(rowOf(1, [7n, "-3"]))]);
});

test("ST-05 a column may have any allowed name", async () => {
  const schema = schemaOf([columnOf(1, TEXT, "constructor"), columnOf(2, TEXT, "root"), columnOf(3, TEXT, "f1")]);
  const path = await write("names.parquet", schema, [rowOf(1, ["a", "b", "c"]), rowOf(2, ["d", "e", "f"])]);
  expect(await lookUp(path, schema, ["d"])).toEqual([["d", "e", "f"]]);
  const found = await collect({ path, schema, scope: SHARED });
  expect(found.map((row) => row.cells)).toContainEqual(["d", "e", "f"]);
});

const places = schemaOf([columnOf(1, BIGINT, "list"), columnOf(2, { kind: "embedding", dimensions: 2 }, "element")]);

function numbers(...values: number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

/** As earlier versions of the program wrote it: an embedding is one value of so many bytes. */
async function writeEmbeddingsAsBytes(name: string, cells: readonly (Uint8Array | null)[]): Promise<string> {
  const integer = { type: "INT64", repetition_type: "REQUIRED" } as const;
  const bytes = parquetWriteBuffer({
    schema: [
      { name: "root", num_children: 4 },
      { ...integer, name: "list", field_id: 1 },
      { name: "element", type: "FIXED_LEN_BYTE_ARRAY", type_length: 8, repetition_type: "OPTIONAL", field_id: 2 },
      { ...integer, name: "_seq", field_id: SEQ_FIELD_ID },
      { name: "_deleted", type: "BOOLEAN", repetition_type: "REQUIRED", field_id: DELETED_FIELD_ID },
    ],
    columnData: [
      { name: "list", data: cells.map((_cell, index) => BigInt(index + 1)) },
      { name: "element", data: [...cells] },
      { name: "_seq", data: cells.map((_cell, index) => BigInt(index + 1)) },
      { name: "_deleted", data: cells.map(() => false) },
    ],
    codec: "ZSTD",
    compressors: { ZSTD: (page) => Bun.zstdCompressSync(page) },
    kvMetadata: segmentMetadata(places, SHARED, { minSeq: seqOf(1n), maxSeq: seqOf(BigInt(cells.length)) }).filter(
      ({ key }) => key !== "kalamdb.checksums",
    ),
  });
  writeFileSync(join(folder, name), new Uint8Array(bytes));
  return join(folder, name);
}

test("ST-05 ST-06 embeddings are lists of 32-bit numbers to other readers, whatever the columns are called, and NULL is no list", async () => {
  const rows = [rowOf(1, [1n, numbers(1, -2.5)]), rowOf(2, [2n, null]), rowOf(3, [3n, numbers(0, 3)])];
  const path = await write("lists.parquet", places, rows);
  const read = await parquetReadObjects({
    file: await asyncBufferFromFile(path),
    columns: ["list", "element"],
    compressors: { ZSTD: (page) => new Uint8Array(Bun.zstdDecompressSync(page)) },
  });
  expect(read.map(({ element, list }) => [list, element])).toEqual([
    [1n, [1, -2.5]],
    [2n, undefined],
    [3n, [0, 3]],
  ]);
  const [group] = parquetMetadata(readFileSync(path), { geoparquet: false }).row_groups;
  expect(group?.columns[1]?.meta_data?.statistics?.max_value).toBeUndefined();
});

test("ST-05 a file whose embeddings are bytes reads as one whose embeddings are lists, row by row, by key and as a column", async () => {
  const cells = [numbers(1, 2), null, numbers(-0.5, 3e38), numbers(0, 0)];
  const rows = cells.map((cell, index) => rowOf(index + 1, [BigInt(index + 1), cell]));
  const old = await writeEmbeddingsAsBytes("embedding-bytes.parquet", cells);
  const now = await write("embedding-lists.parquet", places, rows);
  for (const path of [old, now]) {
    const found = await collect({ path, schema: places, scope: SHARED });
    expect(found.map(rowText)).toEqual(rows.map(rowText));
    expect(await lookUp(path, places, [1n, 3n])).toEqual([
      [1n, cells[0]],
      [3n, cells[2]],
    ]);
  }
});

test("ST-05 embeddings that fill many pages and row groups read as they were written, one by one and all together", async () => {
  const long = schemaOf([columnOf(1, BIGINT), columnOf(2, { kind: "embedding", dimensions: 1_024 })]);
  const rows = Array.from({ length: 2_500 }, (_unused, at) => {
    const vector = Array.from({ length: 1_024 }, (_none, place) => (at * 31 + place) % 97);
    return rowOf(at + 1, [BigInt(at), at % 7 === 0 ? null : numbers(...vector)]);
  });
  const path = await write("long-lists.parquet", long, rows);
  expect(parquetMetadata(readFileSync(path), { geoparquet: false }).row_groups.length).toBeGreaterThan(1);
  const found = await collect({ path, schema: long, scope: SHARED });
  expect(Bun.hash(found.map(rowText).join())).toBe(Bun.hash(rows.map(rowText).join()));
  expect(await lookUp(path, long, [2_498n])).toEqual([[2_498n, rows[2_498]?.cells[1]]]);
});

test("ST-05 a list of another length than the column's is an error, not another embedding", async () => {
  const three = { kind: "embedding", dimensions: 3 } as const;
  const path = await write(
    "wrong-length.parquet",
    schemaOf([columnOf(1, BIGINT, "list"), columnOf(2, three, "element")]),
    [rowOf(1, [1n, numbers(1, 2, 3)])],
  );
  const bytes = readFileSync(path);
  const said = '"kind":"embedding","dimensions":';
  const at = bytes.indexOf(`${said}3`) + said.length;
  expect(at).toBeGreaterThan(said.length);
  bytes.write("2", at);
  writeFileSync(path, withoutChecksums(bytes));
  expect(await rejection(collect({ path, schema: places, scope: SHARED }))).toMatchObject({ code: "STORAGE_ERROR" });
});

test("ST-04 a tombstone keeps its mark and its cells", async () => {
  const path = await write("tombstone.parquet", notes, [rowOf(1, [1n, "gone"], true), rowOf(2, [2n, "here"])]);
  const rows = await collect({ path, schema: notes, scope: SHARED });
  expect(rows.map(rowText)).toEqual([rowText(rowOf(1, [1n, "gone"], true)), rowText(rowOf(2, [2n, "here"]))]);
});

test("TB-03 a file is refused under another user or another table", async () => {
  const alice = scopeOfUser(parseUserId("alice"));
  const bob = scopeOfUser(parseUserId("bob"));
  const path = await write("alice.parquet", notes, [rowOf(1, [1n, "secret"])], alice);
  expect(await rejection(collect({ path, schema: notes, scope: bob }))).toMatchObject({ code: "STORAGE_ERROR" });
  expect(await rejection(collect({ path, schema: notes, scope: SHARED }))).toMatchObject({ code: "STORAGE_ERROR" });
  const other = { ...notes, id: tableIdOf(8) };
  expect(await rejection(collect({ path, schema: other, scope: alice }))).toMatchObject({ code: "STORAGE_ERROR" });
});

test.each([
  ["is missing", (path: string) => rmSync(path)],
  ["was cut short", (path: string) => truncateSync(path, statSync(path).size - 100)],
  ["is empty", (path: string) => truncateSync(path, 0)],
  [
    "is something else",
    (path: string) => {
      truncateSync(path, 0);
      const file = openSync(path, "r+");
      writeSync(file, "not parquet at all, but long enough to have a footer");
      closeSync(file);
    },
  ],
])("ST-05 a file that %s is an error naming the table, never fewer rows", async (_why, damage) => {
  const path = await write("damaged.parquet", notes, [rowOf(1, [1n, "x"])]);
  damage(path);
  expect(await rejection(collect({ path, schema: notes, scope: SHARED }))).toMatchObject({
    code: "STORAGE_ERROR",
    message: expect.stringContaining("chat.messages"),
  });
});

test("ST-05 a file with another number of rows than the catalog says is an error", async () => {
  const path = await write("count.parquet", notes, [rowOf(1, [1n, "x"])]);
  expect(await rejection(collect({ path, schema: notes, scope: SHARED, expectedRows: 2 }))).toMatchObject({
    code: "STORAGE_ERROR",
  });
});
