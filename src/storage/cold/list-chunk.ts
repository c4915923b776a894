// A column of lists of 32-bit numbers → its chunk in a Parquet file: three levels deep, as the format has lists, in pages of whole rows. The library would take each number as a
// value with levels of its own, six times as long; here a list is the bytes that SQLite has, and its levels are two runs.
import type { ColumnChunk } from "hyparquet";
import { ByteWriter } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";

const BYTES_PER_NUMBER = 4;
/** An optional group, a repeated one, a required number: what a number has; a NULL list has none. */
const NUMBER_DEPTH = 2;
const NULL_DEPTH = 0;

export interface ListColumn {
  readonly name: string;
  /** NULL, or the numbers of the list, little-endian. None is empty. */
  readonly lists: readonly (Uint8Array | null)[];
  readonly isRequired: boolean;
  readonly pageBytes: number;
  readonly compress: (page: Uint8Array) => Uint8Array;
}

/** Appends the chunk's pages to the file. */
export function writeListChunk(output: ByteWriter, column: ListColumn): ColumnChunk {
  const start = output.offset;
  let slots = 0;
  let plainBytes = 0;
  for (const lists of pagesOf(column)) {
    const page = writePage(output, lists, column);
    slots += page.slots;
    plainBytes += page.plainBytes;
  }
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: "FLOAT",
      encodings: ["PLAIN", "RLE"],
      path_in_schema: [column.name, "list", "element"],
      codec: "ZSTD",
      num_values: BigInt(slots),
      total_uncompressed_size: BigInt(plainBytes),
      total_compressed_size: BigInt(output.offset - start),
      data_page_offset: BigInt(start),
    },
  };
}

function* pagesOf({ lists, pageBytes }: ListColumn): Generator<readonly (Uint8Array | null)[]> {
  let start = 0;
  let bytes = 0;
  for (const [at, list] of lists.entries()) {
    bytes += list?.byteLength ?? 0;
    if (bytes < pageBytes) continue;
    yield lists.slice(start, at + 1);
    start = at + 1;
    bytes = 0;
  }
  if (start < lists.length) yield lists.slice(start);
}

function writePage(output: ByteWriter, lists: readonly (Uint8Array | null)[], column: ListColumn) {
  // Without an optional group a number lies one less deep.
  const numberDepth = column.isRequired ? NUMBER_DEPTH - 1 : NUMBER_DEPTH;
  const starts = new Runs();
  const depths = new Runs();
  const numbers = new ByteWriter();
  let slots = 0;
  let nulls = 0;
  for (const list of lists) {
    const length = list === null ? 1 : list.byteLength / BYTES_PER_NUMBER;
    slots += length;
    starts.add(0, 1);
    starts.add(1, length - 1);
    depths.add(list === null ? NULL_DEPTH : numberDepth, length);
    if (list === null) nulls += 1;
    else numbers.appendBytes(list);
  }
  const [startBytes, depthBytes] = [starts.finish(), depths.finish()];
  const levels = startBytes.byteLength + depthBytes.byteLength;
  const compressed = column.compress(numbers.getBytes());
  const headerAt = output.offset;
  writePageHeader(output, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levels + numbers.offset,
    compressed_page_size: levels + compressed.byteLength,
    data_page_header_v2: {
      num_values: slots,
      num_nulls: nulls,
      num_rows: lists.length,
      encoding: "PLAIN",
      definition_levels_byte_length: depthBytes.byteLength,
      repetition_levels_byte_length: startBytes.byteLength,
      is_compressed: true,
    },
  });
  const plainBytes = output.offset - headerAt + levels + numbers.offset;
  for (const part of [startBytes, depthBytes, compressed]) output.appendBytes(part);
  return { slots, plainBytes };
}

/** Levels as the hybrid encoding has them: each run its length, doubled, and its value in a byte. */
class Runs {
  readonly #bytes = new ByteWriter();
  #value = 0;
  #length = 0;

  add(value: number, length: number): void {
    if (length === 0) return;
    if (value !== this.#value) this.#end();
    this.#value = value;
    this.#length += length;
  }

  finish(): Uint8Array {
    this.#end();
    return this.#bytes.getBytes();
  }

  #end(): void {
    if (this.#length === 0) return;
    this.#bytes.appendVarInt(this.#length << 1);
    this.#bytes.appendUint8(this.#value);
    this.#length = 0;
  }
}
