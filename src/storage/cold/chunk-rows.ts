// One value of a column chunk. Pages without its row are not decompressed, and of its page no more is decoded than it takes to get there.
import { DbError } from "../../base/errors.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { bareValues, type ChunkPages, isCodedPage, type Page, pageValues, readPages } from "./chunk-pages.ts";
import type { ChunkFormat } from "./column-chunk.ts";
import { isListChunk, listsOf } from "./list-pages.ts";

export function decodeRow(bytes: ArrayBuffer, format: ChunkFormat, row: number): SqliteValue {
  const chunk = readPages(bytes, format, { start: row, end: row + 1 });
  const [page] = chunk.pages;
  if (page === undefined) throw new DbError("STORAGE_ERROR", "a column chunk lacks values");
  if (isListChunk(chunk)) return format.convert(listsOf(page, chunk, format.listBytes ?? 0)[row - page.start]);
  const value = valueIn(page, chunk, row - page.start);
  if (value === undefined) return null;
  return format.convert(isCodedPage(page) ? chunk.dictionary?.[Number(value)] : value);
}

/** A place in the dictionary, or the value itself; undefined for NULL. */
function valueIn(page: Page, { decoder }: ChunkPages, at: number): unknown {
  const bare = bareValues(page, decoder);
  const direct = bare && (isCodedPage(page) ? codeAt(bare, at) : plainAt(bare, page, { decoder, at }));
  if (direct !== undefined) return direct;
  const { levels, values } = pageValues(page, decoder);
  if (levels.length === 0) return values[at];
  if (levels[at] === 0) return undefined;
  let before = 0;
  for (let index = 0; index < at; index += 1) if (levels[index] !== 0) before += 1;
  return values[before];
}

interface PlainPlace {
  readonly decoder: ChunkPages["decoder"];
  readonly at: number;
}

/** Undefined for types and encodings that need what is before. */
function plainAt(view: DataView, page: Page, { decoder: { type, element }, at }: PlainPlace): unknown {
  if (page.header.data_page_header_v2?.encoding !== "PLAIN") return undefined;
  switch (type) {
    case "INT32":
      return view.getInt32(at * 4, true);
    case "INT64":
      return view.getBigInt64(at * 8, true);
    case "DOUBLE":
      return view.getFloat64(at * 8, true);
    case "FLOAT":
      return view.getFloat32(at * 4, true);
    case "FIXED_LEN_BYTE_ARRAY": {
      const { type_length: width = 0 } = element;
      return new Uint8Array(view.buffer, view.byteOffset + at * width, width);
    }
    case "BYTE_ARRAY": {
      let offset = 0;
      for (let before = 0; before < at; before += 1) offset += 4 + view.getUint32(offset, true);
      return new Uint8Array(view.buffer, view.byteOffset + offset + 4, view.getUint32(offset, true));
    }
    default:
      return undefined;
  }
}

const BITS_PER_BYTE = 8;

/** Codes are runs: of one code many times, or of many codes of so many bits. */
function codeAt(view: DataView, at: number): number {
  const bits = view.getUint8(0);
  if (bits === 0) return 0;
  let offset = 1;
  for (let left = at; ; ) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = view.getUint8(offset);
      offset += 1;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const isPacked = (header & 1) === 1;
    const count = isPacked ? (header >>> 1) * BITS_PER_BYTE : header >>> 1;
    if (left < count)
      return isPacked
        ? bitsAt(view, offset * BITS_PER_BYTE + left * bits, bits)
        : bitsAt(view, offset * BITS_PER_BYTE, bits);
    left -= count;
    offset += isPacked ? (count / BITS_PER_BYTE) * bits : Math.ceil(bits / BITS_PER_BYTE);
  }
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
