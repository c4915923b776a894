// From a changed row to the groups that can match it, without touching the others. One router serves the groups of one (table, scope):
// groups with an equality term sit in a hash index (IS NULL is an entry of it), groups with a numeric range in an interval tree, those with an OR of such terms in several
// places, the rest in a list that every change visits.
// A router may return a group that does not match, never miss one that does.
import type { TableSchema } from "../model/schema.ts";
import type { Cell, TypeKind } from "../model/sql-type.ts";
import type { IndexTerm, LivePlan, SlotValues, ValueSource } from "../sql/plan.ts";
import { Few } from "./few.ts";
import { IntervalTree, type Range, type RangeValue } from "./interval-tree.ts";

/** What a router needs of a group. */
export interface Routed {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

/** NULL is the key of IS NULL; no equality has it. */
type HashKey = string | number | bigint | boolean | null;

/** The JavaScript type of an indexable column's cells. Types whose SQL equality is not JavaScript's are absent. */
const KEY_TYPES: Partial<Record<TypeKind, "string" | "number" | "bigint" | "boolean">> = {
  boolean: "boolean",
  smallint: "number",
  int: "number",
  bigint: "bigint",
  float: "number",
  double: "number",
  decimal: "bigint",
  text: "string",
  timestamp: "bigint",
  datetime: "bigint",
  date: "number",
  time: "number",
  uuid: "string",
};

type Place =
  | { readonly kind: "hash"; readonly column: number; readonly keys: readonly HashKey[] }
  | { readonly kind: "range"; readonly column: number; readonly range: Range }
  | { readonly kind: "rest" };

export class Router<G extends Routed> {
  readonly #hashes = new Map<number, Map<HashKey, Few<G>>>();
  readonly #ranges = new Map<number, IntervalTree<G>>();
  readonly #rest = new Set<G>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Places in every index, for the test that nothing is left behind. */
  get entries(): number {
    let entries = this.#rest.size;
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
      case "hash":
        for (const key of place.keys) {
          getOrMake(
            getOrMake(this.#hashes, place.column, () => new Map<HashKey, Few<G>>()),
            key,
            () => new Few<G>(),
          ).add(group);
        }
        return;
      case "range":
        getOrMake(this.#ranges, place.column, () => new IntervalTree<G>()).add(group, place.range);
        return;
      default:
        this.#rest.add(group);
    }
  }

  /** Of a group that was added and whose plan and values are what they were then: they say where it is. */
  delete(group: G): void {
    this.#size -= 1;
    for (const place of placesOf(group)) this.#deleteAt(place, group);
  }

  #deleteAt(place: Place, group: G): void {
    switch (place.kind) {
      case "hash":
        this.#deleteKeys(group, place.column, place.keys);
        return;
      case "range": {
        const tree = this.#ranges.get(place.column);
        tree?.delete(group);
        if (tree?.size === 0) this.#ranges.delete(place.column);
        return;
      }
      default:
        this.#rest.delete(group);
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
  }
}

const REST: readonly Place[] = [{ kind: "rest" }];
/** How many keys of a hash index a range is worth. */
const RANGE_COST = 1_000;

/** Where a change has to look so as not to miss the group: the places of its most selective term. */
function placesOf(group: Routed): readonly Place[] {
  return bestPlaces(group.plan.terms, group) ?? REST;
}

/** An equality with the fewest values is the most selective, a range comes next. Undefined: none of the terms can be indexed. */
function bestPlaces(terms: readonly IndexTerm[], group: Routed): readonly Place[] | undefined {
  let best: readonly Place[] | undefined;
  for (const term of terms) {
    const places = placesOfTerm(term, group);
    if (places !== undefined && (best === undefined || costOf(places) < costOf(best))) best = places;
  }
  return best;
}

function costOf(places: readonly Place[]): number {
  return places.reduce((sum, place) => sum + (place.kind === "hash" ? place.keys.length : RANGE_COST), 0);
}

/** Undefined: the index cannot answer this term as SQL would. */
function placesOfTerm(term: IndexTerm, group: Routed): readonly Place[] | undefined {
  switch (term.kind) {
    case "any":
      return placesOfArms(term.arms, group);
    case "null":
      return [{ kind: "hash", column: term.column, keys: [null] }];
    default: {
      const place = placeOfTerm(term, group);
      return place && [place];
    }
  }
}

function placesOfArms(arms: readonly (readonly IndexTerm[])[], group: Routed): readonly Place[] | undefined {
  const places: Place[] = [];
  const ranged = new Set<number>();
  for (const arm of arms) {
    for (const place of bestPlaces(arm, group) ?? REST) {
      if (place.kind === "rest") return undefined;
      // A group has one range in a tree.
      if (place.kind === "range" && ranged.has(place.column)) return undefined;
      if (place.kind === "range") ranged.add(place.column);
      places.push(place);
    }
  }
  return places;
}

function placeOfTerm(
  term: Extract<IndexTerm, { kind: "equal" | "range" }>,
  { plan, slots }: Routed,
): Place | undefined {
  const expected = keyType(plan.table, term.column);
  if (expected === undefined) return undefined;
  const valueOf = (source: ValueSource): Cell => (source.kind === "slot" ? (slots[source.slot] ?? null) : source.value);
  if (term.kind === "equal") {
    const keys: HashKey[] = [];
    for (const source of term.values) {
      const value = valueOf(source);
      // A comparison with NULL is never true.
      if (value === null) continue;
      if (typeof value !== expected || typeof value === "object") return undefined;
      keys.push(value);
    }
    return { kind: "hash", column: term.column, keys: [...new Set(keys)] };
  }
  // SQL's order of text and booleans is not JavaScript's.
  if (expected !== "number" && expected !== "bigint") return undefined;
  const low = term.low === undefined ? undefined : valueOf(term.low);
  const high = term.high === undefined ? undefined : valueOf(term.high);
  if (low === null || high === null) return { kind: "hash", column: term.column, keys: [] };
  if (!isBound(low) || !isBound(high)) return undefined;
  const { lowInclusive, highInclusive } = term;
  return { kind: "range", column: term.column, range: { low, lowInclusive, high, highInclusive } };
}

/** NaN sorts above everything in SQL and nowhere in JavaScript. */
function isBound(value: Cell | undefined): value is RangeValue | undefined {
  return value === undefined || typeof value === "bigint" || (typeof value === "number" && !Number.isNaN(value));
}

function keyType(table: TableSchema, column: number): string | undefined {
  const kind = table.columns[column]?.type.kind;
  // `_seq` follows the table's own columns.
  if (kind === undefined) return column === table.columns.length ? "bigint" : undefined;
  return KEY_TYPES[kind];
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
