import { rescale } from "../../../model/decimal.ts";
import { largerScale, scaleOf, sumType } from "../decimal-types.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { removeJson } from "../json/remove.ts";
import { finiteDouble, finiteFloat, inBigint, inDecimal, inInt, inSmallint } from "../numeric-range.ts";
import { INTERVAL_DIFFERENCES } from "../temporal/interval-overloads.ts";
import { inDate } from "../temporal/range.ts";
import { inlineBigint, inlineInt, inlineSmallint } from "./integer-arithmetic.ts";

export const subtract = defineFunction("subtract", [
  overload(["smallint", "smallint"], { kind: "smallint" }, (a, b) => inSmallint(a - b), inlineSmallint("-")),
  overload(["int", "int"], { kind: "int" }, (a, b) => inInt(a - b), inlineInt("-")),
  overload(["bigint", "bigint"], { kind: "bigint" }, (a, b) => inBigint(a - b), inlineBigint("-")),
  preparedOverload(["decimal", "decimal"], sumType, (types) => {
    const [left, right, scale] = [scaleOf(types[0]), scaleOf(types[1]), largerScale(types)];
    return (a, b) => inDecimal(rescale(a, left, scale) - rescale(b, right, scale));
  }),
  overload(["float", "float"], { kind: "float" }, (a, b) => finiteFloat(a - b, [a, b])),
  overload(["double", "double"], { kind: "double" }, (a, b) => finiteDouble(a - b, [a, b])),
  overload(["date", "int"], { kind: "date" }, (date, days) => inDate(date - days)),
  overload(["date", "date"], { kind: "int" }, (a, b) => a - b),
  ...INTERVAL_DIFFERENCES,
  ...removeJson,
]);
