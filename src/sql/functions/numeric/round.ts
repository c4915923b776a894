// Doubles round half to even, decimals half away from zero. With a number of places the result keeps the scale of its argument's type.
import { decimalOfScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, firstType, overload, preparedOverload } from "../definition.ts";
import { inDecimal, inDouble } from "../numeric-range.ts";
import { roundHalfEven } from "./round-half-even.ts";
import { keepPlaces, roundDigits } from "./rounding.ts";

export const round = defineFunction("round", [
  overload(["double"], { kind: "double" }, (value) => inDouble(roundHalfEven(value))),
  preparedOverload(["decimal"], decimalOfScale(0), ([type]) => {
    const scale = scaleOf(type);
    return (value) => roundDigits(value, scale);
  }),
  preparedOverload(
    ["decimal", "int"],
    (types) => decimalOfScale(scaleOf(firstType(types))),
    ([type]) => {
      const scale = scaleOf(type);
      return (value, places) => inDecimal(keepPlaces(value, places, { scale, rounding: roundDigits }));
    },
  ),
]);
