// From a changed row to the groups that can match it, without touching the others. One router serves the groups of one (table, scope):
// groups with an equality term sit in a hash index (IS NULL is an entry of it), groups with a range of numbers or texts, a prefix among them, in an interval tree, those
// with a LIKE pattern in an index of text, those with IS NOT NULL under their column, those with an OR of such terms in several places, the rest in a list that every change visits.
// A router may return a group that does not match, never miss one that does.
import type { Cell } from "../model/sql-type.ts";
import { Few } from "./few.ts";
import { GramIndex } from "./gram-index.ts";
import { IntervalTree } from "./interval-tree.ts";
import { type HashKey, type Place, placesOf, type Routed } from "./router-places.ts";
import { textOrderKey } from "./text-order.ts";

export class Router<G extends Routed> {
  readonly #hashes = new Map<number, Map<HashKey, Few<G>>>();
  readonly #ranges = new Map<number, IntervalTree<G>>();
  readonly #rest = new Set<G>();
  /** Seldom needed, and there may be a router for each user: made with the first of their groups. */
  #ofTexts: TextIndexes<G> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Places in every index, for the test that nothing is left behind. */
  get entries(): number {
    let entries = this.#rest.size + (this.#ofTexts?.entries ?? 0);
    for (const byKey of this.#hashes.values()) for (const groups of byKey.values()) entries += groups.size;
    for (const tree of this.#ranges.values()) entries += tree.size;
    return entries + this.#hashes.size + this.#ranges.size;
  }

  /** Once for a group. */
  add(group: G): void {
    this.#size += 1;
    for (const place of placesOf(group)) this.#addAt(place, group);
  }

  #addAt(place: Place, group: G): void {
    switch (place.kind) {
      case "hash": {
        for (const key of place.keys) {
          const byKey = getOrMake(this.#hashes, place.column, () => new Map<HashKey, Few<G>>());
          getOrMake(byKey, key, () => new Few<G>()).add(group);
        }
        return;
      }
      case "range":
        getOrMake(this.#ranges, place.column, () => new IntervalTree<G>()).add(group, place.range);
        return;
      case "rest":
        this.#rest.add(group);
        return;
      default:
        this.#ofTexts ??= new TextIndexes();
        this.#ofTexts.add(place, group);
    }
  }

  /** Of a group that was added and whose plan and values are what they were then: they say where it is. */
  delete(group: G): void {
    this.#size -= 1;
    for (const place of placesOf(group)) this.#deleteAt(place, group);
    if (this.#ofTexts?.entries === 0) this.#ofTexts = undefined;
  }

  #deleteAt(place: Place, group: G): void {
    switch (place.kind) {
      case "hash":
        this.#deleteKeys(group, place.column, place.keys);
        return;
      case "range":
        deleteFrom(this.#ranges, place.column, (tree) => tree.delete(group));
        return;
      case "rest":
        this.#rest.delete(group);
        return;
      default:
        this.#ofTexts?.delete(place, group);
    }
  }

  #deleteKeys(group: G, column: number, keys: readonly HashKey[]): void {
    const byKey = this.#hashes.get(column);
    for (const key of keys) {
      const groups = byKey?.get(key);
      groups?.delete(group);
      if (groups?.size === 0) byKey?.delete(key);
    }
    if (byKey?.size === 0) this.#hashes.delete(column);
  }

  /** Adds to `found` every group that this row (cells, then `_seq`, `_deleted`) could match. */
  collect(row: readonly Cell[], found: Set<G>): void {
    for (const group of this.#rest) found.add(group);
    for (const [column, byKey] of this.#hashes) {
      const value = row[column] ?? null;
      // Bytes are never keys.
      if (value instanceof Uint8Array) continue;
      byKey.get(value)?.addAllTo(found);
    }
    for (const [column, tree] of this.#ranges) {
      const value = row[column];
      if (typeof value === "number" || typeof value === "bigint") tree.search(value, (group) => found.add(group));
    }
    this.#ofTexts?.collect(row, found);
  }
}

/** Of one router: the places that texts, and any value at all, lead to. */
class TextIndexes<G> {
  readonly #ranges = new Map<number, IntervalTree<G>>();
  readonly #texts = new Map<number, GramIndex<G>>();
  /** Of texts in lower case. */
  readonly #folded = new Map<number, GramIndex<G>>();
  readonly #present = new Map<number, Few<G>>();

  get entries(): number {
    let entries = 0;
    for (const byColumn of [this.#ranges, this.#texts, this.#folded, this.#present]) {
      for (const { size } of byColumn.values()) entries += 1 + size;
    }
    return entries;
  }

  add(place: TextPlace, group: G): void {
    switch (place.kind) {
      case "textRange":
        getOrMake(this.#ranges, place.column, () => new IntervalTree<G>()).add(group, place.range);
        return;
      case "text":
        getOrMake(this.#textsOf(place), place.column, () => new GramIndex<G>()).add(group, place.text);
        return;
      default:
        getOrMake(this.#present, place.column, () => new Few<G>()).add(group);
    }
  }

  delete(place: TextPlace, group: G): void {
    switch (place.kind) {
      case "textRange":
        deleteFrom(this.#ranges, place.column, (tree) => tree.delete(group));
        return;
      case "text":
        deleteFrom(this.#textsOf(place), place.column, (texts) => texts.delete(group, place.text));
        return;
      default:
        deleteFrom(this.#present, place.column, (groups) => groups.delete(group));
    }
  }

  #textsOf({ foldsCase }: { readonly foldsCase: boolean }): Map<number, GramIndex<G>> {
    return foldsCase ? this.#folded : this.#texts;
  }

  collect(row: readonly Cell[], found: Set<G>): void {
    for (const [column, groups] of this.#present) {
      if (row[column] !== null && row[column] !== undefined) groups.addAllTo(found);
    }
    for (const [column, tree] of this.#ranges) {
      const value = row[column];
      if (typeof value === "string") tree.search(textOrderKey(value), (group) => found.add(group));
    }
    for (const [column, texts] of this.#texts) {
      const value = row[column];
      if (typeof value === "string") texts.search(value, found);
    }
    for (const [column, texts] of this.#folded) {
      const value = row[column];
      if (typeof value === "string") texts.search(value.toLowerCase(), found);
    }
  }
}

type TextPlace = Extract<Place, { kind: "textRange" | "text" | "present" }>;

function deleteFrom<T extends { readonly size: number }>(
  byColumn: Map<number, T>,
  column: number,
  work: (index: T) => void,
): void {
  const index = byColumn.get(column);
  if (index === undefined) return;
  work(index);
  if (index.size === 0) byColumn.delete(column);
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
