// The Bloom filter of a file's key: split blocks of 32 bytes over XXH64 of the plain encoding, as Parquet defines them. The library makes the same filter from bigints, which
// took a sixth of a flush.
import type { ParquetType } from "hyparquet";
import { assert } from "../../base/errors.ts";
import type { PhysicalValue } from "./parquet-column.ts";

const SALT = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31] as const;
const WORDS_PER_BLOCK = SALT.length;
const BYTES_PER_BLOCK = 4 * WORDS_PER_BLOCK;
const FALSE_POSITIVES = 0.01;
const BITS_PER_KEY = -8 / Math.log(1 - FALSE_POSITIVES ** (1 / 8));

/** Keys of one row group, each once, as the column's physical type has them. */
export function keyBloom(keys: readonly PhysicalValue[], type: ParquetType | undefined): Uint32Array {
  const words = new Uint32Array(WORDS_PER_BLOCK * blocksFor(keys.length));
  const hash = new BigUint64Array(1);
  // Little-endian machines alone run this program: the low half comes first.
  const halves = new Uint32Array(hash.buffer);
  const plain = plainEncoder(type);
  for (const key of keys) {
    hash[0] = Bun.hash.xxHash64(plain(key));
    const [low = 0, high = 0] = halves;
    insert(words, low, high);
  }
  return words;
}

/** A power of two: other readers refuse anything else. */
function blocksFor(keys: number): number {
  const bytes = Math.ceil((BITS_PER_KEY * keys) / 8);
  return 2 ** Math.max(0, Math.ceil(Math.log2(bytes / BYTES_PER_BLOCK)));
}

function insert(words: Uint32Array, low: number, high: number): void {
  const blocks = words.length / WORDS_PER_BLOCK;
  const at = Math.floor((high * blocks) / 2 ** 32) * WORDS_PER_BLOCK;
  for (let word = 0; word < WORDS_PER_BLOCK; word += 1) {
    const bit = 1 << (Math.imul(low, SALT[word] ?? 0) >>> 27);
    words[at + word] = (words[at + word] ?? 0) | bit;
  }
}

/** The bytes it gives are valid until the next call. */
function plainEncoder(type: ParquetType | undefined): (value: PhysicalValue) => Uint8Array {
  const scratch = new DataView(new ArrayBuffer(8));
  const wide = new Uint8Array(scratch.buffer);
  const narrow = wide.subarray(0, 4);
  const single = wide.subarray(0, 1);
  const text = new TextEncoder();
  return (value) => {
    if (typeof value === "string") return text.encode(value);
    if (value instanceof Uint8Array) return value;
    if (typeof value === "bigint") {
      scratch.setBigInt64(0, value, true);
      return wide;
    }
    if (typeof value === "boolean") {
      scratch.setUint8(0, value ? 1 : 0);
      return single;
    }
    switch (type) {
      case "INT32":
        scratch.setInt32(0, value, true);
        return narrow;
      case "FLOAT":
        scratch.setFloat32(0, value, true);
        return narrow;
      default:
        assert(type === "DOUBLE", "a number has the width of its column");
        scratch.setFloat64(0, value, true);
        return wide;
    }
  };
}
