// SUM and AVG of decimals, from the sum and count that the aggregate `decimal_total` wrote as `sum/count`.
import { DbError } from "../../../base/errors.ts";
import { MAX_PRECISION } from "../../../model/decimal.ts";
import type { SqlType } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** The scale is the argument's own, which the storage form does not carry. */
const ANY_DECIMAL: SqlType = { kind: "decimal", precision: MAX_PRECISION, scale: 0 };
const LIMIT = 10n ** BigInt(MAX_PRECISION);

function inRange(value: bigint): bigint {
  if (value < LIMIT && value > -LIMIT) return value;
  throw new DbError("SQL_EXECUTION_ERROR", "numeric field overflow");
}

function parsed(total: string): { readonly sum: bigint; readonly count: bigint } {
  const [sum = "0", count = "1"] = total.split("/");
  return { sum: BigInt(sum), count: BigInt(count) };
}

export const decimalSum = defineFunction("decimal_sum", [
  overload(["text"], ANY_DECIMAL, (total) => inRange(parsed(total).sum)),
]);

/** `digits` more fraction digits than the input, rounded half away from zero. */
export const decimalAverage = defineFunction("decimal_average", [
  overload(["text", "int"], ANY_DECIMAL, (total, digits) => {
    const { sum, count } = parsed(total);
    const scaled = sum * 10n ** BigInt(digits);
    const half = scaled < 0n ? -count : count;
    return inRange((scaled * 2n + half) / (count * 2n));
  }),
]);
