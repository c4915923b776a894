// The rows of a live query as a set that follows its events. Pure: events in, differences out.
import { type JsonValue, toJson } from "../protocol/json.ts";
import type { FeedEvent, Key } from "./feed.ts";
import { KalamError } from "./kalam-error.ts";
import { compareValues, type Row, type Value } from "./value.ts";

export interface RowDifference {
  readonly kind: "insert" | "update" | "delete";
  /** The new row, or for a delete the last one known. */
  readonly row: Row;
  readonly old: Row | undefined;
}

interface Entry {
  readonly key: readonly Value[];
  readonly row: Row;
}

export type CompareRows = (a: Row, b: Row) => number;

/**
 * Ordered by key, or by `compare` (ties by key). After a `reset` the old rows stay visible until the new snapshot is complete; then the
 * set changes in one step, and only real differences are reported.
 */
export class RowSet {
  readonly #compare: CompareRows | undefined;
  #entries = new Map<string, Entry>();
  /** The set in the making, between `reset` and `ready`. */
  #staged: Map<string, Entry> | undefined;
  #ordered: readonly Row[] | undefined;

  constructor(compare?: CompareRows) {
    this.#compare = compare;
  }

  /** Throws NO_PRIMARY_KEY for rows that cannot be told apart. */
  apply(events: readonly FeedEvent[]): readonly RowDifference[] {
    const differences: RowDifference[] = [];
    for (const event of events) this.#applyOne(event, differences);
    if (differences.length > 0) this.#ordered = undefined;
    return differences;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The same array until something changes. */
  rows(): readonly Row[] {
    this.#ordered ??= [...this.#entries.values()].sort((a, b) => this.#order(a, b)).map((entry) => entry.row);
    return this.#ordered;
  }

  #order(a: Entry, b: Entry): number {
    const byApplication = this.#compare?.(a.row, b.row) ?? 0;
    if (byApplication !== 0) return byApplication;
    for (const [index, value] of a.key.entries()) {
      const order = compareValues(value, b.key[index] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  }

  #applyOne(event: FeedEvent, differences: RowDifference[]): void {
    switch (event.kind) {
      case "snapshot":
        for (const [index, row] of event.rows.entries()) this.#put(event.keys[index], row, differences);
        return;
      case "insert":
      case "update":
        this.#put(event.key, event.row, differences);
        return;
      case "delete":
        this.#remove(event.key, differences);
        return;
      case "reset":
        this.#staged = new Map();
        return;
      case "ready":
        if (this.#staged !== undefined) this.#swap(this.#staged, differences);
        return;
      default:
        return;
    }
  }

  #put(key: Key, row: Row, differences: RowDifference[]): void {
    const text = keyText(key);
    const entry: Entry = { key: key ?? [], row };
    if (this.#staged !== undefined) {
      this.#staged.set(text, entry);
      return;
    }
    const old = this.#entries.get(text)?.row;
    this.#entries.set(text, entry);
    if (old === undefined) differences.push({ kind: "insert", row, old: undefined });
    else if (!sameRow(old, row)) differences.push({ kind: "update", row, old });
  }

  #remove(key: Key, differences: RowDifference[]): void {
    const text = keyText(key);
    if (this.#staged !== undefined) {
      this.#staged.delete(text);
      return;
    }
    const old = this.#entries.get(text)?.row;
    if (old === undefined) return;
    this.#entries.delete(text);
    differences.push({ kind: "delete", row: old, old });
  }

  #swap(staged: Map<string, Entry>, differences: RowDifference[]): void {
    this.#staged = undefined;
    for (const [text, entry] of this.#entries) {
      if (!staged.has(text)) this.#remove(entry.key, differences);
    }
    for (const entry of staged.values()) this.#put(entry.key, entry.row, differences);
  }
}

function keyText(key: Key): string {
  if (key === undefined) {
    throw new KalamError("NO_PRIMARY_KEY", "live() needs the primary key among the selected columns");
  }
  return toJson(key.map(jsonOf));
}

function jsonOf(value: Value): JsonValue {
  if (value instanceof Uint8Array) return Array.from(value);
  return isValues(value) ? value.map(jsonOf) : value;
}

function isValues(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function sameRow(a: Row, b: Row): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => sameValue(a[name], b[name]));
}

function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  return a.length === b.length && a.every((item: Value, index: number) => sameValue(item, b[index]));
}
