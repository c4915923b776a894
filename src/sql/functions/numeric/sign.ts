import { decimalOfScale } from "../decimal-types.ts";
import { defineFunction, overload } from "../definition.ts";
import { inDouble } from "../numeric-range.ts";

export const sign = defineFunction("sign", [
  overload(["double"], { kind: "double" }, (value) => inDouble(Math.sign(value))),
  overload(["decimal"], decimalOfScale(0), (value) => (value > 0n ? 1n : value < 0n ? -1n : 0n)),
]);
