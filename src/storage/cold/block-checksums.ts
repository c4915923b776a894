// CRC-32 of a segment file, so that no damaged byte is ever decoded: one for each 64 KiB before the footer, one for the footer. They lie in a section between the two,
// where the format leaves room and other readers do not look:
//   block checksums … | footer checksum | number of blocks | checksum of all this | "KCRC" | footer | its length | "PAR1"
// Each is four bytes, little-endian. Footers of files that have the section say so.
import { crc32 } from "node:zlib";
import type { AsyncBuffer } from "hyparquet";
import { DbError } from "../../base/errors.ts";

const BLOCK_BYTES = 64 * 1024;
const WORD = 4;
/** Behind the checksums of the blocks. */
const TRAILER_BYTES = 4 * WORD;
/** "KCRC". */
const MAGIC = 0x4352434b;
/** Length of the footer, "PAR1". */
const FILE_END_BYTES = 8;

export interface BlockChecksums {
  readonly blocks: readonly number[];
  /** Where the blocks end; what lies behind is checked on the way here. */
  readonly end: number;
}

/** Of a file that is written in order. */
export class ChecksumWriter {
  readonly #blocks: number[] = [];
  #crc = 0;
  #filled = 0;

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      const piece = bytes.subarray(at, at + BLOCK_BYTES - this.#filled);
      this.#crc = crc32(piece, this.#crc);
      this.#filled += piece.byteLength;
      at += piece.byteLength;
      if (this.#filled === BLOCK_BYTES) this.#endBlock();
    }
  }

  /** The section that belongs before the footer, which is all that follows in the file. */
  finish(footer: Uint8Array): Uint8Array {
    if (this.#filled > 0) this.#endBlock();
    const words = [...this.#blocks, crc32(footer), this.#blocks.length];
    const view = new DataView(new ArrayBuffer((words.length + 2) * WORD));
    for (const [index, word] of words.entries()) view.setUint32(index * WORD, word, true);
    const sum = crc32(new Uint8Array(view.buffer, 0, words.length * WORD));
    view.setUint32(words.length * WORD, sum, true);
    view.setUint32((words.length + 1) * WORD, MAGIC, true);
    return new Uint8Array(view.buffer);
  }

  #endBlock(): void {
    this.#blocks.push(this.#crc);
    this.#crc = 0;
    this.#filled = 0;
  }
}

/** The start of the footer of a whole file, or of its end. */
export function footerStart(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.byteLength - FILE_END_BYTES - view.getUint32(bytes.byteLength - FILE_END_BYTES, true);
}

/** Undefined for a file that has no section; throws for one whose section or footer is damaged. */
export async function readChecksums(file: AsyncBuffer): Promise<BlockChecksums | undefined> {
  const { byteLength: size } = file;
  if (size < FILE_END_BYTES) return undefined;
  const footerAt = size - FILE_END_BYTES - new DataView(await file.slice(size - FILE_END_BYTES)).getUint32(0, true);
  const trailerAt = footerAt - TRAILER_BYTES;
  if (trailerAt < 0) return undefined;
  const tail = await file.slice(trailerAt);
  const trailer = new DataView(tail, 0, TRAILER_BYTES);
  if (trailer.getUint32(3 * WORD, true) !== MAGIC) return undefined;
  const end = trailerAt - trailer.getUint32(WORD, true) * WORD;
  if (end < 0) throw damaged("its checksums");
  const section = new Uint8Array(await file.slice(end, trailerAt + 2 * WORD));
  if (crc32(section) !== trailer.getUint32(2 * WORD, true)) throw damaged("its checksums");
  if (crc32(new Uint8Array(tail, TRAILER_BYTES)) !== trailer.getUint32(0, true)) throw damaged("its footer");
  const words = new DataView(section.buffer);
  const blocks = Array.from({ length: (trailerAt - end) / WORD }, (_unused, index) =>
    words.getUint32(index * WORD, true),
  );
  return { blocks, end };
}

/** Reads whole blocks and gives out nothing of one that is not what was written. */
export function checked(file: AsyncBuffer, checksums: BlockChecksums | undefined): AsyncBuffer {
  if (checksums === undefined) return file;
  const { blocks, end: blocksEnd } = checksums;
  return {
    byteLength: file.byteLength,
    async slice(start, end = file.byteLength) {
      if (start >= blocksEnd) return file.slice(start, end);
      const first = Math.floor(start / BLOCK_BYTES);
      const from = first * BLOCK_BYTES;
      const covered = Math.min(Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES, blocksEnd);
      const bytes = await file.slice(from, Math.max(covered, end));
      for (let at = from; at < covered; at += BLOCK_BYTES) {
        const block = new Uint8Array(bytes, at - from, Math.min(BLOCK_BYTES, covered - at));
        if (crc32(block) !== blocks[at / BLOCK_BYTES]) throw damaged(`what it has at byte ${at}`);
      }
      return bytes.slice(start - from, end - from);
    },
  };
}

/** The same of a file in memory, of which each block is looked at once. */
export function checkedBytes(bytes: ArrayBuffer, checksums: BlockChecksums | undefined): AsyncBuffer {
  const isGood = new Set<number>();
  const check = (block: number, { blocks, end }: BlockChecksums): void => {
    const from = block * BLOCK_BYTES;
    const content = new Uint8Array(bytes, from, Math.min(BLOCK_BYTES, end - from));
    if (crc32(content) !== blocks[block]) throw damaged(`what it has at byte ${from}`);
    isGood.add(block);
  };
  return {
    byteLength: bytes.byteLength,
    slice(start, end = bytes.byteLength) {
      if (checksums === undefined) return bytes.slice(start, end);
      const covered = Math.min(end, checksums.end);
      for (let block = Math.floor(start / BLOCK_BYTES); block * BLOCK_BYTES < covered; block += 1) {
        if (!isGood.has(block)) check(block, checksums);
      }
      return bytes.slice(start, end);
    },
  };
}

export function damaged(what: string): DbError {
  return new DbError("STORAGE_ERROR", `the file is damaged: ${what} does not fit its checksum`);
}
