// Which group a row belongs to, by the values of some columns: groups are numbered as they are met.
import type { SqliteValue } from "../../model/sql-type.ts";
import { type ColumnVector, isCoded, valueReader } from "./column-vector.ts";

/** Numbers of pairs are told apart by one double; well below that, groups are too many to be worth holding. */
const PAIR_FACTOR = 2 ** 20;

class Numbering<T extends SqliteValue> {
  readonly #numbers = new Map<T, number>();
  readonly values: T[] = [];

  numberOf(value: T): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.values.push(value) - 1;
    this.#numbers.set(value, number);
    return number;
  }
}

/** The number of each position's value. */
function numbersOf(
  values: Numbering<SqliteValue>,
  vector: ColumnVector,
  positions: Uint32Array,
): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(positions.length);
  if (!isCoded(vector)) {
    const valueOf = valueReader(vector);
    for (let index = 0; index < positions.length; index += 1) {
      numbers[index] = values.numberOf(valueOf(positions[index] ?? 0));
    }
    return numbers;
  }
  // Only of values that occur: a dictionary may hold others.
  const { codes } = vector;
  const byCode = new Int32Array(vector.values.length).fill(-1);
  for (let index = 0; index < positions.length; index += 1) {
    const code = codes[positions[index] ?? 0] ?? 0;
    let number = byCode[code] ?? -1;
    if (number < 0) {
      number = values.numberOf(vector.values[code] ?? null);
      byCode[code] = number;
    }
    numbers[index] = number;
  }
  return numbers;
}

export class RowGroups {
  readonly #keys: readonly { readonly place: number; readonly values: Numbering<SqliteValue> }[];
  /** Pairs of a group by the columns so far and a value of the next. */
  readonly #pairs: readonly Numbering<number>[];

  constructor(places: readonly number[]) {
    this.#keys = places.map((place) => ({ place, values: new Numbering<SqliteValue>() }));
    this.#pairs = places.slice(1).map(() => new Numbering<number>());
  }

  /** Groups met so far; without columns there is one from the start. */
  get size(): number {
    return (this.#pairs.at(-1) ?? this.#keys[0]?.values)?.values.length ?? 1;
  }

  /** False when there are too many values to number their pairs. */
  get isWithinBounds(): boolean {
    const tables = [...this.#keys.map(({ values }) => values), ...this.#pairs];
    return tables.every(({ values }) => values.length < PAIR_FACTOR);
  }

  /** The group of each position. */
  groupsOf(positions: Uint32Array, vectorOf: (place: number) => ColumnVector): Uint32Array {
    let groups = new Uint32Array(positions.length);
    for (const [depth, { place, values }] of this.#keys.entries()) {
      const numbers = numbersOf(values, vectorOf(place), positions);
      const pairs = this.#pairs[depth - 1];
      if (pairs === undefined) {
        groups = numbers;
        continue;
      }
      for (let index = 0; index < groups.length; index += 1) {
        groups[index] = pairs.numberOf((groups[index] ?? 0) * PAIR_FACTOR + (numbers[index] ?? 0));
      }
    }
    return groups;
  }

  /** Adds to `counts` how many of the positions are in each group; without columns to add up, nobody asks which. */
  count(positions: Uint32Array, vectorOf: (place: number) => ColumnVector, counts: number[]): void {
    const [first] = this.#keys;
    if (first === undefined) {
      counts[0] = (counts[0] ?? 0) + positions.length;
      return;
    }
    const vector = vectorOf(first.place);
    if (this.#keys.length > 1 || !isCoded(vector)) return addCounts(counts, this.groupsOf(positions, vectorOf));
    const { codes, values } = vector;
    const byCode = new Uint32Array(values.length);
    for (let index = 0; index < positions.length; index += 1) {
      const code = codes[positions[index] ?? 0] ?? 0;
      byCode[code] = (byCode[code] ?? 0) + 1;
    }
    for (const [code, count] of byCode.entries()) {
      if (count === 0) continue;
      const group = first.values.numberOf(values[code] ?? null);
      counts[group] = (counts[group] ?? 0) + count;
    }
  }

  /** Values of the columns, in their order. */
  valuesOf(group: number): SqliteValue[] {
    const found: SqliteValue[] = [];
    let rest = group;
    for (let depth = this.#keys.length - 1; depth > 0; depth -= 1) {
      const pair = this.#pairs[depth - 1]?.values[rest] ?? 0;
      found.unshift(this.#keys[depth]?.values.values[pair % PAIR_FACTOR] ?? null);
      rest = Math.floor(pair / PAIR_FACTOR);
    }
    const [first] = this.#keys;
    return first === undefined ? found : [first.values.values[rest] ?? null, ...found];
  }
}

export function addCounts(counts: number[], groups: Uint32Array): void {
  for (let index = 0; index < groups.length; index += 1) {
    const group = groups[index] ?? 0;
    counts[group] = (counts[group] ?? 0) + 1;
  }
}
