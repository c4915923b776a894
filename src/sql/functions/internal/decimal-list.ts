// SUM and AVG of decimals. SQLite has no sum that would be exact for their storage form, so it lists the values (`group_concat`) and these add them up.

import { DbError } from "../../../base/errors.ts";
import { fromSortableText, MAX_PRECISION } from "../../../model/decimal.ts";
import type { SqlType } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

const SEPARATOR = ",";
/** The scale is the argument's own, which the storage form does not carry. */
const ANY_DECIMAL: SqlType = { kind: "decimal", precision: MAX_PRECISION, scale: 0 };
const LIMIT = 10n ** BigInt(MAX_PRECISION);

function inRange(value: bigint): bigint {
  if (value < LIMIT && value > -LIMIT) return value;
  throw new DbError("SQL_EXECUTION_ERROR", "numeric field overflow");
}

function sumOf(list: string): { readonly sum: bigint; readonly count: bigint } {
  let sum = 0n;
  const values = list.split(SEPARATOR);
  for (const value of values) sum += fromSortableText(value);
  return { sum, count: BigInt(values.length) };
}

export const sumDecimalList = defineFunction("sum_decimal_list", [
  overload(["text"], ANY_DECIMAL, (list) => inRange(sumOf(list).sum)),
]);

/** `digits` more fraction digits than the input, rounded half away from zero. */
export const averageDecimalList = defineFunction("average_decimal_list", [
  overload(["text", "int"], ANY_DECIMAL, (list, digits) => {
    const { sum, count } = sumOf(list);
    const scaled = sum * 10n ** BigInt(digits);
    const half = scaled < 0n ? -count : count;
    return inRange((scaled * 2n + half) / (count * 2n));
  }),
]);
