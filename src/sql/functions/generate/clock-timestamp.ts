import { DATETIME } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";

/** The moment of the call itself, which `now()` is not. */
export const clockTimestamp = defineFunction(
  "clock_timestamp",
  [preparedOverload([], DATETIME, () => () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)))],
  { deterministic: false },
);
