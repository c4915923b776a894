import { DOUBLE } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { finiteDouble } from "../numeric-range.ts";

export const exp = defineFunction("exp", [
  overload(["double"], DOUBLE, (value) => finiteDouble(Math.exp(value), [value])),
]);
