// Where in a router a group stands: the entries of its indexes through which every change that can match the group finds it. Pure: what a place is depends on the plan and
// the values of the group alone, so a group is found again to be deleted.
import type { TableSchema } from "../model/schema.ts";
import type { Cell, TypeKind } from "../model/sql-type.ts";
import { type FixedText, fixedTextOf } from "../sql/functions/operators/like-pattern.ts";
import type { IndexTerm, LivePlan, SlotValues, ValueSource } from "../sql/plan.ts";
import { GRAM_LENGTH } from "./gram-index.ts";
import type { Range, RangeValue } from "./interval-tree.ts";
import { afterPrefix, textOrderKey } from "./text-order.ts";

/** What a router needs of a group. */
export interface Routed {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

/** NULL is the key of IS NULL; no equality has it. */
export type HashKey = string | number | bigint | boolean | null;

export type Place =
  | { readonly kind: "hash"; readonly column: number; readonly keys: readonly HashKey[] }
  | { readonly kind: "range"; readonly column: number; readonly range: Range }
  /** Its bounds are order keys. */
  | { readonly kind: "textRange"; readonly column: number; readonly range: Range }
  /** The column's text contains this one, where its letters are lower case if `foldsCase`. */
  | { readonly kind: "text"; readonly column: number; readonly text: string; readonly foldsCase: boolean }
  | { readonly kind: "present"; readonly column: number }
  | { readonly kind: "rest" };

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

const REST: readonly Place[] = [{ kind: "rest" }];

/** What a place is worth in keys of a hash index: about as many changes come by it that do not match. */
const COSTS: Readonly<Record<Exclude<Place["kind"], "hash">, number>> = {
  range: 1_000,
  textRange: 1_000,
  text: 2_000,
  present: 100_000,
  rest: 1_000_000,
};

/** Where a change has to look so as not to miss the group: the places of its most selective term. */
export function placesOf(group: Routed): readonly Place[] {
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
  return places.reduce((sum, place) => sum + (place.kind === "hash" ? place.keys.length : COSTS[place.kind]), 0);
}

/** Undefined: the index cannot answer this term as SQL would. */
function placesOfTerm(term: IndexTerm, group: Routed): readonly Place[] | undefined {
  if (term.kind === "any") return placesOfArms(term.arms, group);
  const place = placeOfTerm(term, group);
  return place && [place];
}

function placesOfArms(arms: readonly (readonly IndexTerm[])[], group: Routed): readonly Place[] | undefined {
  const places: Place[] = [];
  const ranged = new Set<string>();
  for (const arm of arms) {
    for (const place of bestPlaces(arm, group) ?? REST) {
      if (place.kind === "rest") return undefined;
      if (place.kind === "range" || place.kind === "textRange") {
        // A group has one range in a tree.
        const tree = `${place.kind}/${place.column}`;
        if (ranged.has(tree)) return undefined;
        ranged.add(tree);
      }
      places.push(place);
    }
  }
  return places;
}

function placeOfTerm(term: Exclude<IndexTerm, { kind: "any" }>, group: Routed): Place | undefined {
  const { column } = term;
  switch (term.kind) {
    case "null":
      return { kind: "hash", column, keys: [null] };
    case "notNull":
      return { kind: "present", column };
    case "like":
      return placeOfPattern(term, group);
    case "prefix":
      return placeOfPrefix(column, valueIn(group, term.prefix));
    case "equal":
      return placeOfEquality(term, group);
    default:
      return placeOfRange(term, group);
  }
}

/** What a comparison with NULL matches. */
const nothing = (column: number): Place => ({ kind: "hash", column, keys: [] });

const valueIn = ({ slots }: Routed, source: ValueSource): Cell =>
  source.kind === "slot" ? (slots[source.slot] ?? null) : source.value;

function placeOfEquality(term: Extract<IndexTerm, { kind: "equal" }>, group: Routed): Place | undefined {
  const expected = keyType(group.plan.table, term.column);
  if (expected === undefined) return undefined;
  const keys: HashKey[] = [];
  for (const source of term.values) {
    const value = valueIn(group, source);
    if (value === null) continue;
    if (typeof value !== expected || typeof value === "object") return undefined;
    keys.push(value);
  }
  return { kind: "hash", column: term.column, keys: [...new Set(keys)] };
}

function placeOfRange(term: Extract<IndexTerm, { kind: "range" }>, group: Routed): Place | undefined {
  const { column, lowInclusive, highInclusive } = term;
  const expected = keyType(group.plan.table, column);
  const low = term.low === undefined ? undefined : valueIn(group, term.low);
  const high = term.high === undefined ? undefined : valueIn(group, term.high);
  if (low === null || high === null) return nothing(column);
  if (expected === "string") {
    const [lowText, highText] = [low ?? "", high ?? ""];
    if (typeof lowText !== "string" || typeof highText !== "string") return undefined;
    const bounds = { low: textOrderKey(lowText), high: high === undefined ? undefined : textOrderKey(highText) };
    return {
      kind: "textRange",
      column,
      range: { ...bounds, lowInclusive: low === undefined || lowInclusive, highInclusive },
    };
  }
  // SQL's order of booleans is not JavaScript's.
  if (expected !== "number" && expected !== "bigint") return undefined;
  if (!isBound(low) || !isBound(high)) return undefined;
  return { kind: "range", column, range: { low, lowInclusive, high, highInclusive } };
}

/** NaN sorts above everything in SQL and nowhere in JavaScript. */
function isBound(value: Cell | undefined): value is Exclude<RangeValue, string> | undefined {
  return value === undefined || typeof value === "bigint" || (typeof value === "number" && !Number.isNaN(value));
}

function placeOfPrefix(column: number, prefix: Cell): Place | undefined {
  if (prefix === null) return nothing(column);
  return typeof prefix === "string" && prefix !== "" ? prefixRange(column, prefix) : { kind: "present", column };
}

function prefixRange(column: number, prefix: string): Place {
  const low = textOrderKey(prefix);
  return {
    kind: "textRange",
    column,
    range: { low, lowInclusive: true, high: afterPrefix(low), highInclusive: false },
  };
}

function placeOfPattern(term: Extract<IndexTerm, { kind: "like" }>, group: Routed): Place | undefined {
  const { column, foldsCase } = term;
  const fold = (text: string): string => (foldsCase ? text.toLowerCase() : text);
  const pattern = valueIn(group, term.pattern);
  const escape = term.escape === undefined ? undefined : valueIn(group, term.escape);
  if (pattern === null || escape === null) return nothing(column);
  if (typeof pattern !== "string" || typeof (escape ?? "") !== "string") return undefined;
  const fixed = fixedTextOf(fold(pattern), escape === undefined ? undefined : fold(String(escape)));
  // What is no pattern is refused when it is asked about a row: about the first that comes.
  return fixed === undefined ? undefined : placeOfFixedText(column, fixed, foldsCase);
}

function placeOfFixedText(column: number, { prefix, isWhole, longest }: FixedText, foldsCase: boolean): Place {
  if (isWhole && !foldsCase) return { kind: "hash", column, keys: [prefix] };
  if (prefix !== "" && !foldsCase) return prefixRange(column, prefix);
  return longest.length >= GRAM_LENGTH
    ? { kind: "text", column, text: longest, foldsCase }
    : { kind: "present", column };
}

function keyType(table: TableSchema, column: number): string | undefined {
  const kind = table.columns[column]?.type.kind;
  // `_seq` follows the table's own columns.
  if (kind === undefined) return column === table.columns.length ? "bigint" : undefined;
  return KEY_TYPES[kind];
}
