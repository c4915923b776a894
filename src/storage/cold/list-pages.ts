// Pages of a list of numbers, three levels deep as the format has them → the bytes of each row's list. What a list of 32-bit numbers is in SQLite are the very bytes of the page,
// so only the levels are looked at: which row a number belongs to, and which rows are NULL.
import type { ColumnMetaData, FileMetaData } from "hyparquet";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { getMaxDefinitionLevel } from "hyparquet/src/schema.js";
import { DbError } from "../../base/errors.ts";
import { type ChunkPages, decompressed, type Page, type RowRange, readPages } from "./chunk-pages.ts";

const BYTES_PER_NUMBER = 4;

/** Rows are nested in the page, however many numbers each has. */
export function isListChunk({ decoder }: Pick<ChunkPages, "decoder">): boolean {
  return decoder.schemaPath.some(({ element }) => element.repetition_type === "REPEATED");
}

/** One for each row, NULL where there is no list. Throws unless every list has `listBytes` bytes: all of a column are of one length. */
export function listsOf(page: Page, { decoder }: ChunkPages, listBytes: number): (Uint8Array | null)[] {
  const { header, body, rows } = page;
  const second = header.data_page_header_v2;
  if (second?.encoding !== "PLAIN" || decoder.type !== "FLOAT") throw unfit();
  const { num_values: slots, repetition_levels_byte_length: first, definition_levels_byte_length: next } = second;
  const starts = levels(body.subarray(0, first), 1, slots);
  const top = getMaxDefinitionLevel(decoder.schemaPath);
  const depths = levels(body.subarray(first, first + next), 32 - Math.clz32(top), slots);
  const bytes = decompressed(page, decoder);
  const lists: (Uint8Array | null)[] = [];
  let at = 0;
  for (let slot = 0; slot < slots; ) {
    const isNull = depths[slot] !== top;
    let end = slot + 1;
    while (end < slots && starts[end] === 1) {
      if (isNull || depths[end] !== top) throw unfit();
      end += 1;
    }
    const size = isNull ? 0 : (end - slot) * BYTES_PER_NUMBER;
    // Of depth 1 would be a list without numbers.
    if (isNull ? depths[slot] !== 0 : size !== listBytes) throw unfit();
    lists.push(isNull ? null : bytes.subarray(at, at + size));
    at += size;
    slot = end;
  }
  if (lists.length !== rows || at !== bytes.byteLength || starts[0] === 1) throw unfit();
  return lists;
}

interface ListsOfChunk {
  readonly metadata: FileMetaData;
  readonly chunk: ColumnMetaData;
  readonly rows: RowRange;
  readonly listBytes: number;
}

/** One for each of the rows of a chunk. */
export function listsInRange(bytes: ArrayBuffer, { metadata, chunk, rows, listBytes }: ListsOfChunk) {
  const found = readPages(bytes, { metadata, chunk }, rows);
  const skipped = rows.start - (found.pages[0]?.start ?? 0);
  const lists = found.pages.flatMap((page) => listsOf(page, found, listBytes));
  return lists.slice(skipped, skipped + rows.end - rows.start);
}

function levels(bytes: Uint8Array, bitWidth: number, count: number): Uint8Array {
  const found = new Uint8Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  readRleBitPackedHybrid({ view, offset: 0 }, bitWidth, found, bytes.byteLength);
  return found;
}

function unfit(): DbError {
  return new DbError("STORAGE_ERROR", "a column of lists does not hold lists of its length");
}
