import { DOUBLE } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const pi = defineFunction("pi", [overload([], DOUBLE, () => Math.PI)]);
