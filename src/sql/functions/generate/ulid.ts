import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";

export const ulid = defineFunction(
  "ulid",
  [preparedOverload([], TEXT, (_types, generators) => () => generators.ulid())],
  {
    deterministic: false,
  },
);
