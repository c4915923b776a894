import { decimalOfScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { divisionByZero, inDecimal } from "../numeric-range.ts";

/** The whole part of a quotient, towards zero. */
export const div = defineFunction("div", [
  preparedOverload(["decimal", "decimal"], decimalOfScale(0), (types) => {
    const [left, right] = [10n ** BigInt(scaleOf(types[0])), 10n ** BigInt(scaleOf(types[1]))];
    return (a, b) => {
      if (b === 0n) throw divisionByZero();
      return inDecimal((a * right) / (b * left));
    };
  }),
]);
