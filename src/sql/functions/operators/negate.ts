import { defineFunction, firstType, overload } from "../definition.ts";
import { inBigint, inDouble, inInt, inSmallint } from "../numeric-range.ts";
import { INTERVAL_NEGATION } from "../temporal/interval-overloads.ts";

export const negate = defineFunction("negate", [
  overload(["smallint"], { kind: "smallint" }, (value) => inSmallint(-value)),
  overload(["int"], { kind: "int" }, (value) => inInt(-value)),
  overload(["bigint"], { kind: "bigint" }, (value) => inBigint(-value)),
  overload(["decimal"], firstType, (value) => -value),
  overload(["float"], { kind: "float" }, (value) => inDouble(-value)),
  overload(["double"], { kind: "double" }, (value) => inDouble(-value)),
  ...INTERVAL_NEGATION,
]);
