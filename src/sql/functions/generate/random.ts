import { DOUBLE } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";

export const random = defineFunction(
  "random",
  [preparedOverload([], DOUBLE, (_types, generators) => () => generators.random())],
  { deterministic: false },
);
