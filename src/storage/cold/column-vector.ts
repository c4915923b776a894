// The values of one column in one row group, in SQLite's forms: typed arrays where every value is a number of one kind, codes into a list of distinct values
// where the file has a dictionary (so that conditions and groups look at each distinct value once), a plain array otherwise.
import type { SqliteValue } from "../../model/sql-type.ts";

export type ColumnVector = PlainVector | CodedVector;
export type PlainVector = ArrayLike<SqliteValue>;

export interface CodedVector {
  readonly length: number;
  /** Places in `values`, one for each row. */
  readonly codes: Uint16Array;
  readonly values: readonly SqliteValue[];
}

/** Codes are 16 bits; a row group has fewer rows. */
export const MAX_CODES = 65_535;

export function isCoded(vector: ColumnVector): vector is CodedVector {
  return "codes" in vector;
}

export function valueAt(vector: ColumnVector, at: number): SqliteValue {
  const value = isCoded(vector) ? vector.values[vector.codes[at] ?? 0] : vector[at];
  return value ?? null;
}

/** For loops: asks once which kind it is. */
export function valueReader(vector: ColumnVector): (at: number) => SqliteValue {
  if (!isCoded(vector)) return (at) => vector[at] ?? null;
  const { codes, values } = vector;
  return (at) => values[codes[at] ?? 0] ?? null;
}

const VALUE_BYTES = 8;
const TEXT_BYTES = 24;

/** Roughly, what it takes in memory. */
export function vectorBytes(vector: ColumnVector): number {
  if (isCoded(vector)) return vector.codes.byteLength + vectorBytes(vector.values);
  if (ArrayBuffer.isView(vector)) return vector.byteLength;
  let bytes = vector.length * VALUE_BYTES;
  for (let at = 0; at < vector.length; at += 1) {
    const value = vector[at];
    if (typeof value === "string") bytes += TEXT_BYTES + value.length;
    else if (typeof value === "bigint") bytes += TEXT_BYTES;
    else if (value instanceof Uint8Array) bytes += TEXT_BYTES + value.byteLength;
  }
  return bytes;
}
