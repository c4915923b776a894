// The bytes of one column chunk → its values in SQLite's forms. Columns of ours are flat, or lists of one length, so pages are put together here: nulls by their level,
// dictionaries kept as codes, numbers copied as blocks.
import type { ColumnMetaData, FileMetaData } from "hyparquet";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { readPlain } from "hyparquet/src/plain.js";
import { DbError } from "../../base/errors.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { bareValues, type ChunkPages, isCodedPage, type Page, pageValues, readPages } from "./chunk-pages.ts";
import { type CodedVector, type ColumnVector, MAX_CODES } from "./column-vector.ts";
import { isListChunk, listsOf } from "./list-pages.ts";

export type Convert = (value: unknown) => SqliteValue;

export interface ChunkFormat {
  readonly metadata: FileMetaData;
  readonly chunk: ColumnMetaData;
  readonly convert: Convert;
  /** Numbers and 64-bit integers as the file has them are SQLite's: nothing is to be converted. */
  readonly isVerbatim: boolean;
  /** Of each list, where the column is one of lists. */
  readonly listBytes?: number;
}

/** All of a chunk's rows. */
export function decodeChunk(bytes: ArrayBuffer, format: ChunkFormat, rows: number): ColumnVector {
  const chunk = readPages(bytes, format, { start: 0, end: rows });
  const found = chunk.pages.reduce((sum, page) => sum + page.rows, 0);
  if (found !== rows) throw new DbError("STORAGE_ERROR", "a column chunk lacks values");
  if (isListChunk(chunk)) {
    const { convert, listBytes = 0 } = format;
    return chunk.pages.flatMap((page) => listsOf(page, chunk, listBytes).map(convert));
  }
  const { dictionary } = chunk;
  if (dictionary !== undefined && dictionary.length < MAX_CODES && chunk.pages.every(isCodedPage)) {
    return codedVector(chunk, dictionary, { rows, convert: format.convert });
  }
  return (format.isVerbatim ? block(chunk, rows) : undefined) ?? listed(chunk, format.convert);
}

interface CodedTarget {
  readonly rows: number;
  readonly convert: Convert;
}

function codedVector(chunk: ChunkPages, dictionary: ArrayLike<unknown>, { rows, convert }: CodedTarget): CodedVector {
  const values = Array.from(dictionary, convert);
  const nullCode = values.length;
  const codes = new Uint16Array(rows);
  for (const page of chunk.pages) codes.set(codesOf(page, chunk, nullCode), page.start);
  return { length: rows, codes, values: [...values, null] };
}

function codesOf(page: Page, { decoder }: ChunkPages, nullCode: number): ArrayLike<number> {
  const bare = bareValues(page, decoder);
  const codes = new Uint32Array(page.rows);
  if (bare !== undefined) {
    // A dictionary of one value needs no bits for its codes.
    const bits = bare.getUint8(0);
    if (bits > 0) readRleBitPackedHybrid({ view: bare, offset: 1 }, bits, codes, bare.byteLength - 1);
    return codes;
  }
  const { levels, values } = pageValues(page, decoder);
  let next = 0;
  for (let at = 0; at < page.rows; at += 1) {
    const isNull = levels.length > 0 && levels[at] === 0;
    codes[at] = isNull ? nullCode : Number(values[next]);
    if (!isNull) next += 1;
  }
  return codes;
}

type Block = BigInt64Array | Int32Array;

/** Undefined when there are NULLs, or values of another kind. */
function block({ pages, decoder }: ChunkPages, rows: number): Block | undefined {
  const { type } = decoder;
  if (type === "INT64") return filled(new BigInt64Array(rows), pages, decoder);
  return type === "INT32" ? filled(new Int32Array(rows), pages, decoder) : undefined;
}

function filled<B extends Block>(target: B, pages: readonly Page[], decoder: ChunkPages["decoder"]): B | undefined {
  const bytes = new Uint8Array(target.buffer);
  for (const page of pages) {
    const bare = page.header.data_page_header_v2?.encoding === "PLAIN" ? bareValues(page, decoder) : undefined;
    if (bare === undefined) return undefined;
    const width = target.BYTES_PER_ELEMENT;
    bytes.set(new Uint8Array(bare.buffer, bare.byteOffset, page.rows * width), page.start * width);
  }
  return target;
}

function listed(chunk: ChunkPages, convert: Convert): SqliteValue[] {
  const { dictionary, decoder } = chunk;
  const all: SqliteValue[] = [];
  for (const page of chunk.pages) {
    const { levels, values } = valuesOf(page, decoder);
    const isCoded = isCodedPage(page);
    let next = 0;
    for (let at = 0; at < page.rows; at += 1) {
      if (levels.length > 0 && levels[at] === 0) {
        all.push(null);
        continue;
      }
      const value = values[next];
      all.push(convert(isCoded ? dictionary?.[Number(value)] : value));
      next += 1;
    }
  }
  return all;
}

function valuesOf(page: Page, decoder: ChunkPages["decoder"]): ReturnType<typeof pageValues> {
  const bare = page.header.data_page_header_v2?.encoding === "PLAIN" ? bareValues(page, decoder) : undefined;
  if (bare === undefined) return pageValues(page, decoder);
  const { type, element } = decoder;
  return { levels: [], values: readPlain({ view: bare, offset: 0 }, type, page.rows, element.type_length) };
}
