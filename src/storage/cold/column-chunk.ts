// The bytes of one column chunk → its values in SQLite's forms. Pages are decoded by the library; putting them together is done here, because columns of ours
// are flat: nulls by their definition level, dictionaries kept as codes, numbers copied as blocks.
import type { ColumnMetaData, FileMetaData, SchemaElement } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { decompressPage, readDataPage, readDataPageV2 } from "hyparquet/src/datapage.js";
import { assert, DbError } from "../../base/errors.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { type CodedVector, type ColumnVector, MAX_CODES } from "./column-vector.ts";

type Decoder = Parameters<typeof readPage>[2];
type Reader = Parameters<typeof parquetHeader>[0];
type Header = ReturnType<typeof parquetHeader>;

export type Convert = (value: unknown) => SqliteValue;

export interface ChunkFormat {
  readonly metadata: FileMetaData;
  readonly chunk: ColumnMetaData;
  readonly convert: Convert;
  /** Numbers and 64-bit integers as the file has them are SQLite's: nothing is to be converted. */
  readonly isVerbatim: boolean;
}

export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Where in the file the chunk is. */
export function chunkRange({
  dictionary_page_offset: dictionary,
  data_page_offset: data,
  total_compressed_size: size,
}: ColumnMetaData): RowRange {
  const start = Number(dictionary ?? data);
  return { start, end: start + Number(size) };
}

/** All of a chunk's rows. */
export function decodeChunk(bytes: ArrayBuffer, format: ChunkFormat, rows: number): ColumnVector {
  const { pages, dictionary } = readPages(bytes, format, { start: 0, end: rows });
  const found = pages.reduce((sum, page) => sum + page.rows, 0);
  if (found !== rows) throw new DbError("STORAGE_ERROR", "a column chunk lacks values");
  return (
    coded(pages, dictionary, format) ??
    (format.isVerbatim ? block(pages, rows) : undefined) ??
    listed(pages, dictionary, format)
  );
}

/** One row of it: pages without that row are passed over, not decompressed. */
export function decodeRow(bytes: ArrayBuffer, format: ChunkFormat, row: number): SqliteValue {
  const { pages, dictionary } = readPages(bytes, format, { start: row, end: row + 1 });
  const [page] = pages;
  if (page === undefined) throw new DbError("STORAGE_ERROR", "a column chunk lacks values");
  const at = row - page.start;
  const { levels } = page;
  if (levels.length === 0) return convertAt(page, dictionary, format, at);
  if (levels[at] === 0) return null;
  let before = 0;
  for (let index = 0; index < at; index += 1) if (levels[index] !== 0) before += 1;
  return convertAt(page, dictionary, format, before);
}

interface Page {
  /** Of its first row. */
  readonly start: number;
  readonly rows: number;
  /** One for each row, 0 for NULL; empty when no row is NULL. */
  readonly levels: ArrayLike<number>;
  /** Of the rows that are not NULL. */
  readonly values: ArrayLike<unknown>;
  /** The values are places in the dictionary. */
  readonly isCoded: boolean;
}

interface Pages {
  readonly pages: readonly Page[];
  readonly dictionary: ArrayLike<unknown> | undefined;
}

function readPages(bytes: ArrayBuffer, format: ChunkFormat, wanted: RowRange): Pages {
  const decoder = decoderOf(format);
  const reader = { view: new DataView(bytes), offset: 0 };
  const pages: Page[] = [];
  let dictionary: ArrayLike<unknown> | undefined;
  for (let start = 0; start < wanted.end && reader.offset < bytes.byteLength; ) {
    const header = parquetHeader(reader);
    if (header.type === "DICTIONARY_PAGE") {
      dictionary = readPage(reader, header, decoder, undefined, undefined, 0).data;
      continue;
    }
    const rows = (header.data_page_header_v2 ?? header.data_page_header)?.num_values ?? 0;
    if (start + rows > wanted.start) pages.push({ start, rows, ...dataPage(reader, header, decoder) });
    reader.offset += header.compressed_page_size;
    start += rows;
  }
  return { pages, dictionary };
}

function dataPage(
  { view, offset }: Reader,
  header: Header,
  decoder: Decoder,
): Pick<Page, "levels" | "values" | "isCoded"> {
  const { data_page_header: first, data_page_header_v2: second } = header;
  const body = new Uint8Array(view.buffer, view.byteOffset + offset, header.compressed_page_size);
  const encoding = (second ?? first)?.encoding ?? "PLAIN";
  const isCoded = encoding.endsWith("_DICTIONARY");
  if (second !== undefined) {
    const { definitionLevels, dataPage: values } =
      second.num_nulls === 0 ? withoutLevels(body, header, decoder) : readDataPageV2(body, header, decoder);
    return { levels: definitionLevels ?? [], values, isCoded };
  }
  assert(first !== undefined, "a data page has a header of its kind");
  const page = decompressPage(body, Number(header.uncompressed_page_size), decoder.codec, decoder.compressors);
  const { definitionLevels, dataPage: values } = readDataPage(page, first, decoder);
  return { levels: definitionLevels ?? [], values, isCoded };
}

/** Levels of a page without NULLs all say the same. */
function withoutLevels(body: Uint8Array, header: Header, decoder: Decoder): ReturnType<typeof readDataPageV2> {
  const { data_page_header_v2: second } = header;
  assert(second !== undefined, "a page of the second version");
  const skipped = second.definition_levels_byte_length + second.repetition_levels_byte_length;
  const bare = { ...second, definition_levels_byte_length: 0, repetition_levels_byte_length: 0 };
  const [root, leaf] = decoder.schemaPath;
  assert(root !== undefined && leaf !== undefined, "a column has a root and a leaf");
  const required = { ...leaf, element: { ...leaf.element, repetition_type: "REQUIRED" as const } };
  return readDataPageV2(
    body.subarray(skipped),
    { ...header, uncompressed_page_size: header.uncompressed_page_size - skipped, data_page_header_v2: bare },
    { ...decoder, schemaPath: [root, required] },
  );
}

function decoderOf({ metadata, chunk }: ChunkFormat): Decoder {
  const [root] = metadata.schema;
  const element = metadata.schema.find(({ name }) => name === chunk.path_in_schema[0]);
  assert(root !== undefined && element !== undefined, "a chunk has its element");
  const leaf = treeOf(element, chunk.path_in_schema);
  return {
    pathInSchema: chunk.path_in_schema,
    type: chunk.type,
    element,
    schemaPath: [{ ...treeOf(root, []), children: [leaf] }, leaf],
    codec: chunk.codec,
    compressors: { ZSTD: decompress },
    parsers: DEFAULT_PARSERS,
    utf8: false,
  };
}

function treeOf(element: SchemaElement, path: string[]): Decoder["schemaPath"][number] {
  return { children: [], count: 1, element, path };
}

/** A Buffer's `slice` shares memory where a Uint8Array's copies; the library expects the latter. */
export function decompress(page: Uint8Array): Uint8Array {
  const buffer = Bun.zstdDecompressSync(page);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function convertAt(page: Page, dictionary: Pages["dictionary"], { convert }: ChunkFormat, at: number): SqliteValue {
  const value = page.values[at];
  return convert(page.isCoded ? dictionary?.[Number(value)] : value);
}

function coded(
  pages: readonly Page[],
  dictionary: Pages["dictionary"],
  { convert }: ChunkFormat,
): CodedVector | undefined {
  if (dictionary === undefined || dictionary.length >= MAX_CODES || !pages.every(({ isCoded }) => isCoded))
    return undefined;
  const values = Array.from(dictionary, convert);
  const nullCode = values.length;
  const codes = new Uint16Array(pages.reduce((sum, { rows }) => sum + rows, 0));
  let hasNull = false;
  for (const { start, rows, levels, values: found } of pages) {
    if (levels.length === 0) {
      for (let at = 0; at < rows; at += 1) codes[start + at] = Number(found[at]);
      continue;
    }
    let next = 0;
    for (let at = 0; at < rows; at += 1) {
      codes[start + at] = levels[at] === 0 ? nullCode : Number(found[next++]);
    }
    hasNull = true;
  }
  return { length: codes.length, codes, values: hasNull ? [...values, null] : values };
}

type Block = BigInt64Array | Int32Array;

/** Undefined when there are NULLs, or values of another kind. */
function block(pages: readonly Page[], rows: number): Block | undefined {
  const [first] = pages;
  if (first === undefined || pages.some(({ levels, isCoded }) => levels.length > 0 || isCoded)) return undefined;
  if (first.values instanceof BigInt64Array) return filled(new BigInt64Array(rows), pages, BigInt64Array);
  if (first.values instanceof Int32Array) return filled(new Int32Array(rows), pages, Int32Array);
  return undefined;
}

function filled<B extends { set(values: B, at: number): void }>(
  target: B,
  pages: readonly Page[],
  kind: new () => B,
): B | undefined {
  for (const { start, values } of pages) {
    if (!(values instanceof kind)) return undefined;
    target.set(values, start);
  }
  return target;
}

function listed(pages: readonly Page[], dictionary: Pages["dictionary"], format: ChunkFormat): SqliteValue[] {
  const all: SqliteValue[] = [];
  for (const page of pages) {
    const { rows, levels } = page;
    let next = 0;
    for (let at = 0; at < rows; at += 1) {
      const isNull = levels.length > 0 && levels[at] === 0;
      all.push(isNull ? null : convertAt(page, dictionary, format, next));
      if (!isNull) next += 1;
    }
  }
  return all;
}
