import { decimalOfScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, firstType, overload, preparedOverload } from "../definition.ts";
import { inDouble } from "../numeric-range.ts";
import { keepPlaces, truncateDigits } from "./rounding.ts";

export const trunc = defineFunction("trunc", [
  overload(["double"], { kind: "double" }, (value) => inDouble(Math.trunc(value))),
  preparedOverload(["decimal"], decimalOfScale(0), ([type]) => {
    const scale = scaleOf(type);
    return (value) => truncateDigits(value, scale);
  }),
  preparedOverload(["decimal", "int"], firstType, ([type]) => {
    const scale = scaleOf(type);
    return (value, places) => keepPlaces(value, places, { scale, rounding: truncateDigits });
  }),
]);
