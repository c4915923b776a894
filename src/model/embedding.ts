// Embeddings: vectors of 32-bit floating-point numbers. In memory and in SQLite they are their bytes, little-endian, four to a number.
import { DbError } from "../base/errors.ts";

export const MAX_DIMENSIONS = 8192;
const BYTES_PER_NUMBER = 4;

function invalid(message: string): DbError {
  return new DbError("INVALID_VALUE", message);
}

/** The numbers of an embedding, over its own bytes where they are aligned. */
export function embeddingNumbers(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % BYTES_PER_NUMBER === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / BYTES_PER_NUMBER);
}

/** `dimensions` 0 is any number of them. */
export function assertDimensions(bytes: Uint8Array, dimensions: number): Uint8Array {
  const own = bytes.byteLength / BYTES_PER_NUMBER;
  if (dimensions !== 0 && own !== dimensions) throw invalid(`expected ${dimensions} dimensions, not ${own}`);
  return bytes;
}

function fromList(list: readonly unknown[]): Uint8Array {
  if (list.length === 0 || list.length > MAX_DIMENSIONS) {
    throw invalid(`an embedding has 1 to ${MAX_DIMENSIONS} dimensions, not ${list.length}`);
  }
  const numbers = new Float32Array(list.length);
  for (const [index, item] of list.entries()) {
    // + 0 turns -0 into 0, which is the same number in other bytes.
    const value = typeof item === "number" ? Math.fround(item) + 0 : Number.NaN;
    if (!Number.isFinite(value)) throw invalid(`${JSON.stringify(item)} is no 32-bit number of an embedding`);
    numbers[index] = value;
  }
  return new Uint8Array(numbers.buffer);
}

/** `[1,2.5,-3]`, or bytes as they are stored. */
export function parseEmbedding(input: unknown, dimensions: number): Uint8Array {
  if (input instanceof Uint8Array) {
    if (input.byteLength % BYTES_PER_NUMBER !== 0) throw invalid("the bytes of an embedding come in fours");
    return assertDimensions(fromList([...embeddingNumbers(input)]), dimensions);
  }
  return assertDimensions(fromList(listOf(input)), dimensions);
}

function listOf(input: unknown): readonly unknown[] {
  let list: unknown;
  try {
    list = typeof input === "string" ? JSON.parse(input) : undefined;
  } catch {
    // What is wrong with it is said below, with the value.
  }
  if (Array.isArray(list)) return list;
  const shown = typeof input === "string" ? JSON.stringify(input.slice(0, 100)) : String(input);
  throw invalid(`invalid input syntax for type embedding: ${shown}`);
}

/** The fewest digits that give the number back as a 32-bit one. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

export function formatEmbedding(bytes: Uint8Array): string {
  return `[${Array.from(embeddingNumbers(bytes), shortest).join(",")}]`;
}
