// The first rows of a scan by one column: which row groups can still hold one of them, and which rows of a group belong to them. Rows equal to the last one
// are kept, because what else orders them is not known here.
import type { SqliteValue } from "../../model/sql-type.ts";
import { type ColumnVector, valueReader } from "./column-vector.ts";
import type { ColumnStatistics } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface TopOrder {
  readonly place: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly rows: number;
}

export class TopCut {
  readonly #order: TopOrder;
  /** The best `rows` values so far, best first. */
  #best: SqliteValue[] = [];

  constructor(order: TopOrder) {
    this.#order = order;
  }

  get place(): number {
    return this.#order.place;
  }

  /** Groups that may hold the best rows first. */
  order<G>(groups: readonly G[], statistics: (group: G) => ColumnStatistics): readonly G[] {
    const bounds = groups.map((group) => ({ group, bound: this.#bound(statistics(group)) }));
    return bounds
      .sort((a, b) => {
        if (a.bound === undefined || b.bound === undefined)
          return a.bound === b.bound ? 0 : a.bound === undefined ? -1 : 1;
        return this.#compare(a.bound.value, b.bound.value);
      })
      .map(({ group }) => group);
  }

  /** True when no row of such a group, nor of one that comes later in `order`, is among the first. */
  excludes(statistics: ColumnStatistics): boolean {
    const { rows } = this.#order;
    if (this.#best.length < rows) return false;
    const last = this.#best[rows - 1];
    const bound = this.#bound(statistics);
    return rows === 0 || (last !== undefined && bound !== undefined && this.#compare(bound.value, last) > 0);
  }

  /** Those of the positions whose rows are among the first as far as is known. */
  take(vector: ColumnVector, positions: Uint32Array): Uint32Array {
    const { rows } = this.#order;
    const valueOf = valueReader(vector);
    const values = this.#bestOf(vector, positions) ?? Array.from(positions, valueOf);
    this.#best = [...this.#best, ...values].sort((a, b) => this.#compare(a, b)).slice(0, rows);
    const last = this.#best[rows - 1];
    if (rows === 0) return new Uint32Array(0);
    if (last === undefined) return positions;
    return positions.filter((at) => this.#compare(valueOf(at), last) <= 0);
  }

  /** Integers are sorted as a block, which calls nothing of ours. Undefined for other columns. */
  #bestOf(vector: ColumnVector, positions: Uint32Array): Iterable<SqliteValue> | undefined {
    const { rows, descending } = this.#order;
    const sorted = sortedIntegers(vector, positions);
    if (sorted === undefined || rows === 0) return sorted?.slice(0, 0);
    return descending ? sorted.slice(-rows) : sorted.slice(0, rows);
  }

  /** The best value a group can have; undefined when nothing is known. */
  #bound({ bounds, nulls }: ColumnStatistics): { readonly value: SqliteValue } | undefined {
    if (bounds === undefined) return undefined;
    const { descending, nullsFirst } = this.#order;
    if (nullsFirst && nulls !== 0) return { value: null };
    return { value: descending ? bounds.max : bounds.min };
  }

  #compare(a: SqliteValue, b: SqliteValue): number {
    const { descending, nullsFirst } = this.#order;
    if (a === null || b === null) return a === b ? 0 : (a === null) === nullsFirst ? -1 : 1;
    return descending ? compareSqlite(b, a) : compareSqlite(a, b);
  }
}

function sortedIntegers(vector: ColumnVector, positions: Uint32Array): BigInt64Array | Int32Array | undefined {
  if (vector instanceof BigInt64Array) {
    const values = new BigInt64Array(positions.length);
    for (let index = 0; index < positions.length; index += 1) values[index] = vector[positions[index] ?? 0] ?? 0n;
    return values.sort();
  }
  if (!(vector instanceof Int32Array)) return undefined;
  const values = new Int32Array(positions.length);
  for (let index = 0; index < positions.length; index += 1) values[index] = vector[positions[index] ?? 0] ?? 0;
  return values.sort();
}
