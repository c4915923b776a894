import { decimalOfScale, scaleOf } from "../decimal-types.ts";
import { alias, defineFunction, overload, preparedOverload } from "../definition.ts";
import { inDouble } from "../numeric-range.ts";
import { ceilDigits } from "./rounding.ts";

export const ceil = defineFunction("ceil", [
  overload(["double"], { kind: "double" }, (value) => inDouble(Math.ceil(value))),
  preparedOverload(["decimal"], decimalOfScale(0), ([type]) => {
    const scale = scaleOf(type);
    return (value) => ceilDigits(value, scale);
  }),
]);

export const ceiling = alias("ceiling", ceil);
