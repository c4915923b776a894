// A few values of a column chunk. Pages without one of their rows are not decompressed, and of a page no more is decoded than it takes to get to them.
import { assert, DbError } from "../../base/errors.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { bareValues, type ChunkPages, isCodedPage, type Page, pageValues, readPages } from "./chunk-pages.ts";
import type { ChunkFormat } from "./column-chunk.ts";
import { isListChunk, listsOf } from "./list-pages.ts";

/** Of the rows at ascending positions. */
export function decodeRows(bytes: ArrayBuffer, format: ChunkFormat, positions: readonly number[]): SqliteValue[] {
  const chunk = readPages(bytes, format, { start: positions[0] ?? 0, end: (positions.at(-1) ?? 0) + 1 });
  const { dictionary } = chunk;
  const found: SqliteValue[] = [];
  for (const page of chunk.pages) {
    const places: number[] = [];
    for (let next = positions[found.length]; next !== undefined && next < page.start + page.rows; ) {
      places.push(next - page.start);
      next = positions[found.length + places.length];
    }
    if (places.length === 0) continue;
    if (isListChunk(chunk)) {
      const lists = listsOf(page, chunk, format.listBytes ?? 0);
      for (const at of places) found.push(format.convert(lists[at]));
      continue;
    }
    const isCoded = isCodedPage(page);
    for (const value of valuesIn(page, chunk, places)) {
      found.push(value === undefined ? null : format.convert(isCoded ? dictionary?.[Number(value)] : value));
    }
  }
  if (found.length !== positions.length) throw new DbError("STORAGE_ERROR", "a column chunk lacks values");
  return found;
}

/** Places in the dictionary, or the values themselves; undefined for NULL. */
function valuesIn(page: Page, { decoder }: ChunkPages, places: readonly number[]): unknown[] {
  const bare = bareValues(page, decoder);
  const direct = bare && (isCodedPage(page) ? codesAt(bare, places) : plainAt(bare, page, { decoder, places }));
  if (direct !== undefined) return direct;
  const { levels, values } = pageValues(page, decoder);
  if (levels.length === 0) return places.map((at) => values[at]);
  let row = 0;
  let before = 0;
  return places.map((at) => {
    for (; row < at; row += 1) if (levels[row] !== 0) before += 1;
    return levels[at] === 0 ? undefined : values[before];
  });
}

interface PlainPlaces {
  readonly decoder: ChunkPages["decoder"];
  readonly places: readonly number[];
}

/** Undefined for types and encodings that need what is before. */
function plainAt(
  view: DataView,
  page: Page,
  { decoder: { type, element }, places }: PlainPlaces,
): unknown[] | undefined {
  if (page.header.data_page_header_v2?.encoding !== "PLAIN") return undefined;
  switch (type) {
    case "INT32":
      return places.map((at) => view.getInt32(at * 4, true));
    case "INT64":
      return places.map((at) => view.getBigInt64(at * 8, true));
    case "DOUBLE":
      return places.map((at) => view.getFloat64(at * 8, true));
    case "FLOAT":
      return places.map((at) => view.getFloat32(at * 4, true));
    case "FIXED_LEN_BYTE_ARRAY": {
      const { type_length: width = 0 } = element;
      return places.map((at) => new Uint8Array(view.buffer, view.byteOffset + at * width, width));
    }
    case "BYTE_ARRAY":
      return lengthPrefixedAt(view, places);
    default:
      return undefined;
  }
}

function lengthPrefixedAt(view: DataView, places: readonly number[]): Uint8Array[] {
  let row = 0;
  let offset = 0;
  return places.map((at) => {
    for (; row < at; row += 1) offset += 4 + view.getUint32(offset, true);
    return new Uint8Array(view.buffer, view.byteOffset + offset + 4, view.getUint32(offset, true));
  });
}

const BITS_PER_BYTE = 8;

/** Codes are runs: of one code many times, or of many codes of so many bits. */
function codesAt(view: DataView, places: readonly number[]): number[] {
  const bits = view.getUint8(0);
  if (bits === 0) return places.map(() => 0);
  let run = runAt(view, { offset: 1, start: 0, bits });
  return places.map((at) => {
    while (at >= run.start + run.count) run = runAt(view, { offset: run.end, start: run.start + run.count, bits });
    const skipped = run.isPacked ? (at - run.start) * bits : 0;
    return bitsAt(view, run.offset * BITS_PER_BYTE + skipped, bits);
  });
}

interface RunPlace {
  readonly offset: number;
  /** Of its first row. */
  readonly start: number;
  readonly bits: number;
}

interface Run {
  readonly isPacked: boolean;
  readonly start: number;
  readonly count: number;
  /** Of its codes. */
  readonly offset: number;
  readonly end: number;
}

function runAt(view: DataView, { offset: headerAt, start, bits }: RunPlace): Run {
  let header = 0;
  let offset = headerAt;
  for (let shift = 0; ; shift += 7) {
    const byte = view.getUint8(offset);
    offset += 1;
    header |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  const isPacked = (header & 1) === 1;
  const count = isPacked ? (header >>> 1) * BITS_PER_BYTE : header >>> 1;
  assert(count > 0, "a run has codes");
  const bytes = isPacked ? (count / BITS_PER_BYTE) * bits : Math.ceil(bits / BITS_PER_BYTE);
  return { isPacked, start, count, offset, end: offset + bytes };
}

/** Least significant bit first. */
function bitsAt(view: DataView, bitOffset: number, bits: number): number {
  let value = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const place = bitOffset + bit;
    value |= ((view.getUint8(place >>> 3) >>> (place & 7)) & 1) << bit;
  }
  return value;
}
