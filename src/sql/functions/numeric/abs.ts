import { defineFunction, firstType, overload } from "../definition.ts";
import { inBigint, inInt, inSmallint } from "../numeric-range.ts";

export const abs = defineFunction("abs", [
  overload(["smallint"], { kind: "smallint" }, (value) => inSmallint(Math.abs(value))),
  overload(["int"], { kind: "int" }, (value) => inInt(Math.abs(value))),
  overload(["bigint"], { kind: "bigint" }, (value) => inBigint(value < 0n ? -value : value)),
  overload(["decimal"], firstType, (value) => (value < 0n ? -value : value)),
  overload(["float"], { kind: "float" }, Math.abs),
  overload(["double"], { kind: "double" }, Math.abs),
]);
