import { decimalOfScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { inDouble } from "../numeric-range.ts";
import { floorDigits } from "./rounding.ts";

export const floor = defineFunction("floor", [
  overload(["double"], { kind: "double" }, (value) => inDouble(Math.floor(value))),
  preparedOverload(["decimal"], decimalOfScale(0), ([type]) => {
    const scale = scaleOf(type);
    return (value) => floorDigits(value, scale);
  }),
]);
