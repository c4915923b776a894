// width_bucket: which of `count` equal parts of a range a value lies in; 0 and count + 1 are below and above it. A range may run downwards.
import { DbError } from "../../../base/errors.ts";
import { rescale } from "../../../model/decimal.ts";
import { INT } from "../../../model/sql-type.ts";
import { scaleOf } from "../decimal-types.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { inInt } from "../numeric-range.ts";

function failure(message: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", message);
}

function assertRange(isEmpty: boolean, count: number): void {
  if (count <= 0) throw failure("count must be greater than zero");
  if (isEmpty) throw failure("lower bound cannot equal upper bound");
}

function bucketOfDouble(value: number, low: number, high: number, count: number): number {
  if (!Number.isFinite(low) || !Number.isFinite(high)) throw failure("lower and upper bounds must be finite");
  assertRange(low === high, count);
  const [from, to, x] = low < high ? [low, high, value] : [-low, -high, -value];
  if (x < from) return 0;
  return inInt(x >= to ? count + 1 : Math.floor((count * (x - from)) / (to - from)) + 1);
}

function bucketOfDecimal(value: bigint, low: bigint, high: bigint, count: number): number {
  assertRange(low === high, count);
  const [from, to, x] = low < high ? [low, high, value] : [-low, -high, -value];
  if (x < from) return 0;
  return inInt(x >= to ? count + 1 : Number((BigInt(count) * (x - from)) / (to - from)) + 1);
}

export const widthBucket = defineFunction("width_bucket", [
  overload(["double", "double", "double", "int"], INT, bucketOfDouble),
  preparedOverload(["decimal", "decimal", "decimal", "int"], INT, (types) => {
    const scales = types.slice(0, 3).map(scaleOf);
    const scale = Math.max(...scales);
    const [a = 0, b = 0, c = 0] = scales;
    return (value, low, high, count) =>
      bucketOfDecimal(rescale(value, a, scale), rescale(low, b, scale), rescale(high, c, scale), count);
  }),
]);
