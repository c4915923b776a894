// Finds those whose text is part of a longer one, without asking each: everyone is filed under one gram (three characters in a row) of its text, and whoever is filed under
// none of the grams of the longer text is not part of it. One pass over the longer text answers for all of them.
import { Few } from "./few.ts";

/** UTF-16 units. A shorter text cannot be filed. */
export const GRAM_LENGTH = 3;
/** Where a text has more units than this for each of those that are filed, asking each of them costs less than looking up its grams. */
const UNITS_PER_ITEM = 32;

export class GramIndex<T> {
  /** By the hash of the gram: those of another gram with the same hash are found too. */
  readonly #byGram = new Map<number, Few<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** An item may have several texts. */
  add(item: T, text: string): void {
    const gram = gramOf(text);
    const items = this.#byGram.get(gram) ?? new Few<T>();
    this.#byGram.set(gram, items);
    if (items.has(item)) return;
    items.add(item);
    this.#size += 1;
  }

  /** Of an item that was added with this text. */
  delete(item: T, text: string): void {
    const gram = gramOf(text);
    const items = this.#byGram.get(gram);
    if (items?.has(item) !== true) return;
    items.delete(item);
    if (items.size === 0) this.#byGram.delete(gram);
    this.#size -= 1;
  }

  /** Adds everyone whose text may be part of this one. */
  search(text: string, found: Set<T>): void {
    if (text.length > this.#size * UNITS_PER_ITEM) {
      for (const items of this.#byGram.values()) items.addAllTo(found);
      return;
    }
    for (let at = 0; at + GRAM_LENGTH <= text.length; at++) this.#byGram.get(hashAt(text, at))?.addAllTo(found);
  }
}

/** The same for equal texts; of texts that share much, seldom a part that they share. */
function gramOf(text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at + GRAM_LENGTH <= text.length; at++) least = Math.min(least, hashAt(text, at));
  return least;
}

function hashAt(text: string, at: number): number {
  const first = Math.imul(text.charCodeAt(at), 0x9e37_79b1);
  const second = Math.imul(text.charCodeAt(at + 1) ^ (first >>> 15), 0x85eb_ca6b);
  const third = Math.imul(text.charCodeAt(at + 2) ^ (second >>> 13), 0xc2b2_ae35);
  return (third ^ second ^ (first >>> 7)) | 0;
}
