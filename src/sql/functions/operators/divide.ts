// Integer division truncates towards zero; division by zero is an error for every type, doubles included.
import { decimalOfScale, quotientScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { divisionByZero, finiteDouble, finiteFloat, inBigint, inDecimal, inInt, inSmallint } from "../numeric-range.ts";
import { INTERVAL_QUOTIENTS } from "../temporal/interval-overloads.ts";

function nonZero<T extends number | bigint>(divisor: T): T {
  // Loose: one test for 0, -0 and 0n.
  if (!divisor) throw divisionByZero();
  return divisor;
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const [top, bottom] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const rounded = (top + bottom / 2n) / bottom;
  return negative ? -rounded : rounded;
}

export const divide = defineFunction("divide", [
  overload(["smallint", "smallint"], { kind: "smallint" }, (a, b) => inSmallint(Math.trunc(a / nonZero(b)))),
  overload(["int", "int"], { kind: "int" }, (a, b) => inInt(Math.trunc(a / nonZero(b)))),
  overload(["bigint", "bigint"], { kind: "bigint" }, (a, b) => inBigint(a / nonZero(b))),
  preparedOverload(
    ["decimal", "decimal"],
    (types) => decimalOfScale(quotientScale(types)),
    (types) => {
      const factor = 10n ** BigInt(quotientScale(types) + scaleOf(types[1]));
      const unit = 10n ** BigInt(scaleOf(types[0]));
      return (a, b) => inDecimal(roundedQuotient(a * factor, nonZero(b) * unit));
    },
  ),
  overload(["float", "float"], { kind: "float" }, (a, b) => finiteFloat(a / nonZero(b), [a, b])),
  overload(["double", "double"], { kind: "double" }, (a, b) => finiteDouble(a / nonZero(b), [a, b])),
  ...INTERVAL_QUOTIENTS,
]);
