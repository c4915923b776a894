// Ranges of immutable remote objects, kept in memory in blocks: a Parquet footer and its pages are read in many small pieces, and each would be a round trip.
import { Lru } from "../../base/lru.ts";

const BLOCK_BYTES = 256 * 1024;

export interface RemoteObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly fetch: (start: number, end: number) => Promise<Uint8Array>;
}

export class RangeCache {
  readonly #blocks: Lru<string, Uint8Array>;

  constructor(maxBytes: number) {
    this.#blocks = new Lru(Math.floor(maxBytes / BLOCK_BYTES));
  }

  /** Bytes [start, end), both within the object. What is missing is fetched in one request. */
  async read(object: RemoteObject, start: number, end: number): Promise<ArrayBuffer> {
    const first = Math.floor(start / BLOCK_BYTES);
    const count = Math.ceil(end / BLOCK_BYTES) - first;
    const known = Array.from({ length: count }, (_unused, at) => this.#blocks.get(`${first + at} ${object.key}`));
    const firstMissing = known.indexOf(undefined);
    if (firstMissing !== -1) {
      const lastMissing = known.lastIndexOf(undefined);
      const from = (first + firstMissing) * BLOCK_BYTES;
      const to = Math.min((first + lastMissing + 1) * BLOCK_BYTES, object.sizeBytes);
      const bytes = await object.fetch(from, to);
      for (let at = firstMissing; at <= lastMissing; at += 1) {
        const offset = (at - firstMissing) * BLOCK_BYTES;
        // A copy: a view would keep all that was fetched alive.
        const block = bytes.slice(offset, offset + BLOCK_BYTES);
        known[at] = block;
        this.#blocks.set(`${first + at} ${object.key}`, block);
      }
    }
    return joined(known, start - first * BLOCK_BYTES, end - start);
  }

  forget(key: string, sizeBytes: number): void {
    for (let block = 0; block * BLOCK_BYTES < sizeBytes; block += 1) this.#blocks.delete(`${block} ${key}`);
  }
}

function joined(blocks: readonly (Uint8Array | undefined)[], skip: number, length: number): ArrayBuffer {
  const bytes = new Uint8Array(length);
  let at = -skip;
  for (const block of blocks) {
    if (block === undefined) continue;
    bytes.set(block.subarray(Math.max(0, -at), Math.max(0, length - at)), Math.max(0, at));
    at += block.byteLength;
  }
  return bytes.buffer;
}
