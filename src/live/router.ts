// From a changed row to the groups that can match it, without touching the others. One router serves the groups of one (table, scope):
// groups with an equality term sit in a hash index, groups with a numeric range in an interval tree, the rest in a list that every change visits.
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

type HashKey = string | number | bigint | boolean;

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

  /** Once for a group. */
  add(group: G): void {
    this.#size += 1;
    const place = placeOf(group);
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
    const place = placeOf(group);
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
      const value = row[column];
      // An equality with NULL is never true, and bytes are never keys.
      if (value === null || value === undefined || typeof value === "object") continue;
      byKey.get(value)?.addAllTo(found);
    }
    for (const [column, tree] of this.#ranges) {
      const value = row[column];
      if (typeof value === "number" || typeof value === "bigint") tree.search(value, (group) => found.add(group));
    }
  }
}

/** An equality with the fewest values is the most selective place, a range comes next. */
function placeOf(group: Routed): Place {
  let best: Place = { kind: "rest" };
  for (const term of group.plan.terms) {
    const place = placeOfTerm(term, group);
    if (place === undefined) continue;
    if (
      best.kind === "rest" ||
      (place.kind === "hash" && (best.kind !== "hash" || place.keys.length < best.keys.length))
    ) {
      best = place;
    }
  }
  return best;
}

/** Undefined: the index cannot answer this term as SQL would. */
function placeOfTerm(term: IndexTerm, { plan, slots }: Routed): Place | undefined {
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
