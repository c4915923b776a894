import { rescale } from "../../../model/decimal.ts";
import { decimalOfScale, productScale, scaleOf } from "../decimal-types.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { finiteDouble, finiteFloat, inBigint, inDecimal, inInt, inSmallint } from "../numeric-range.ts";
import { INTERVAL_PRODUCTS } from "../temporal/interval-overloads.ts";
import { inlineBigint, inlineInt, inlineSmallint } from "./integer-arithmetic.ts";

export const multiply = defineFunction("multiply", [
  overload(["smallint", "smallint"], { kind: "smallint" }, (a, b) => inSmallint(a * b), inlineSmallint("*")),
  overload(["int", "int"], { kind: "int" }, (a, b) => inInt(a * b), inlineInt("*")),
  overload(["bigint", "bigint"], { kind: "bigint" }, (a, b) => inBigint(a * b), inlineBigint("*")),
  preparedOverload(
    ["decimal", "decimal"],
    (types) => decimalOfScale(productScale(types)),
    (types) => {
      const [exact, scale] = [scaleOf(types[0]) + scaleOf(types[1]), productScale(types)];
      return (a, b) => inDecimal(rescale(a * b, exact, scale));
    },
  ),
  overload(["float", "float"], { kind: "float" }, (a, b) => finiteFloat(a * b, [a, b])),
  overload(["double", "double"], { kind: "double" }, (a, b) => finiteDouble(a * b, [a, b])),
  ...INTERVAL_PRODUCTS,
]);
