import { BIGINT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";

export const snowflakeId = defineFunction(
  "snowflake_id",
  [preparedOverload([], BIGINT, (_types, generators) => () => generators.snowflakeId())],
  { deterministic: false },
);
