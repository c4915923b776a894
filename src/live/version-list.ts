// Row versions in `_seq` order, found by position. Each write looks for the version it replaces, so the search compares numbers that lie side by side: `_seq` is a
// bigint of its own for each version, and a step among those costs twenty times as much.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";

export class VersionList<E extends { readonly version: RowVersion }> {
  readonly #base: Seq;
  readonly #entries: E[] = [];
  /** Of each entry, from the base. Exact for about 24 days of positions; after that a few neighbours may have the same. */
  readonly #offsets: number[] = [];

  /** `base`: a position near those that will come. */
  constructor(base: Seq) {
    this.#base = base;
  }

  get length(): number {
    return this.#entries.length;
  }

  at(index: number): E | undefined {
    return this.#entries[index];
  }

  /** Above all that are here. */
  push(entry: E): void {
    this.#entries.push(entry);
    this.#offsets.push(this.#offset(entry.version.seq));
  }

  find(seq: Seq): E | undefined {
    const offset = this.#offset(seq);
    for (let at = this.#firstFrom(offset); this.#offsets[at] === offset; at += 1) {
      const entry = this.#entries[at];
      if (entry?.version.seq === seq) return entry;
    }
    return undefined;
  }

  /** Index of the first entry above a position. */
  firstAbove(position: Seq): number {
    let at = this.#firstFrom(this.#offset(position));
    for (let entry = this.#entries[at]; entry !== undefined && entry.version.seq <= position; ) {
      at += 1;
      entry = this.#entries[at];
    }
    return at;
  }

  /** The oldest. */
  dropFirst(count: number): void {
    this.#entries.splice(0, count);
    this.#offsets.splice(0, count);
  }

  #offset(seq: Seq): number {
    return Number(seq - this.#base);
  }

  #firstFrom(offset: number): number {
    const offsets = this.#offsets;
    let [low, high] = [0, offsets.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((offsets[middle] ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
