// Count, sum, least and greatest value of a column for each group of rows. Sums are exact: what a double or 64 bits cannot hold makes the total invalid.
import type { SqliteValue } from "../../model/sql-type.ts";
import { type ColumnVector, valueReader } from "./column-vector.ts";
import { compareSqlite } from "./sqlite-order.ts";

export interface ColumnTotal {
  /** `groups`: of each of the positions. */
  add(vector: ColumnVector, positions: Uint32Array, groups: Uint32Array): void;
  /** Of a group that may have had no value. Undefined when it is not exact. */
  of(group: number): SqliteValue | undefined;
}

export type TotalKind = "count" | "sum" | "min" | "max";

export function columnTotal(kind: TotalKind): ColumnTotal {
  switch (kind) {
    case "count":
      return new Count();
    case "sum":
      return new Sum();
    case "min":
      return new Extreme(-1);
    case "max":
      return new Extreme(1);
  }
}

class Count implements ColumnTotal {
  readonly #counts: number[] = [];

  add(vector: ColumnVector, positions: Uint32Array, groups: Uint32Array): void {
    const counts = this.#counts;
    const valueOf = valueReader(vector);
    for (let index = 0; index < positions.length; index += 1) {
      const group = groups[index] ?? 0;
      if (valueOf(positions[index] ?? 0) !== null) counts[group] = (counts[group] ?? 0) + 1;
    }
  }

  of(group: number): SqliteValue {
    return this.#counts[group] ?? 0;
  }
}

const HALF_BITS = 32n;
const LOW_HALF = 0xffff_ffffn;
const HIGH_FACTOR = 2n ** HALF_BITS;

/** Integers, as halves of 32 bits: doubles add both exactly for two million rows and check that they did. */
class Sum implements ColumnTotal {
  readonly #high: number[] = [];
  readonly #low: number[] = [];
  #isExact = true;

  add(vector: ColumnVector, positions: Uint32Array, groups: Uint32Array): void {
    if (vector instanceof BigInt64Array) this.#addHalves(vector, positions, groups);
    else if (vector instanceof Int32Array) this.#addNumbers(vector, positions, groups);
    else this.#addValues(vector, positions, groups);
    // Each call adds less than 2^53 / 2 to a half, so nothing is lost before it is noticed.
    this.#isExact &&= this.#low.every(isFarFromLimit) && this.#high.every(isFarFromLimit);
  }

  of(group: number): SqliteValue | undefined {
    if (!this.#isExact) return undefined;
    const low = this.#low[group];
    if (low === undefined) return null;
    const sum = BigInt(this.#high[group] ?? 0) * HIGH_FACTOR + BigInt(low);
    return BigInt.asIntN(64, sum) === sum ? sum : undefined;
  }

  #addHalves(vector: BigInt64Array, positions: Uint32Array, groups: Uint32Array): void {
    const high = new Int32Array(vector.buffer, vector.byteOffset, vector.length * 2);
    const low = new Uint32Array(vector.buffer, vector.byteOffset, vector.length * 2);
    for (let index = 0; index < positions.length; index += 1) {
      const at = (positions[index] ?? 0) * 2;
      this.#addTo(groups[index] ?? 0, high[at + 1] ?? 0, low[at] ?? 0);
    }
  }

  #addNumbers(vector: Int32Array, positions: Uint32Array, groups: Uint32Array): void {
    const low = this.#low;
    for (let index = 0; index < positions.length; index += 1) {
      const group = groups[index] ?? 0;
      low[group] = (low[group] ?? 0) + (vector[positions[index] ?? 0] ?? 0);
    }
  }

  #addValues(vector: ColumnVector, positions: Uint32Array, groups: Uint32Array): void {
    const valueOf = valueReader(vector);
    for (let index = 0; index < positions.length; index += 1) {
      const value = valueOf(positions[index] ?? 0);
      if (typeof value === "number") this.#addTo(groups[index] ?? 0, 0, value);
      else if (typeof value === "bigint") {
        this.#addTo(groups[index] ?? 0, Number(value >> HALF_BITS), Number(value & LOW_HALF));
      }
    }
  }

  #addTo(group: number, high: number, low: number): void {
    if (high !== 0) this.#high[group] = (this.#high[group] ?? 0) + high;
    this.#low[group] = (this.#low[group] ?? 0) + low;
  }
}

const LIMIT = 2 ** 52;

function isFarFromLimit(sum: number | undefined): boolean {
  return sum === undefined || (sum < LIMIT && sum > -LIMIT);
}

class Extreme implements ColumnTotal {
  /** Of a comparison with the value so far: when the new one takes its place. */
  readonly #sign: number;
  readonly #values: Exclude<SqliteValue, null>[] = [];

  constructor(sign: 1 | -1) {
    this.#sign = sign;
  }

  add(vector: ColumnVector, positions: Uint32Array, groups: Uint32Array): void {
    const values = this.#values;
    const valueOf = valueReader(vector);
    for (let index = 0; index < positions.length; index += 1) {
      const value = valueOf(positions[index] ?? 0);
      if (value === null) continue;
      const group = groups[index] ?? 0;
      const known = values[group];
      if (known === undefined || compareSqlite(value, known) * this.#sign > 0) values[group] = value;
    }
  }

  of(group: number): SqliteValue {
    return this.#values[group] ?? null;
  }
}
