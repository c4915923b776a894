import { TIMESTAMP } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { addMonths } from "./civil.ts";
import { instantOf, timestampOf } from "./instant.ts";
import { inTimestamp } from "./range.ts";

/** `timestamp ± interval`, the interval given as months, days and µs (negated for `-`): months first, then days, then µs, as PostgreSQL does. */
export const addInterval = defineFunction("add_interval", [
  overload(["timestamp", "int", "int", "bigint"], TIMESTAMP, (timestamp, months, days, us) => {
    const instant = instantOf(timestamp);
    const moved = addMonths(instant.days, months) + days;
    return inTimestamp(timestampOf({ days: moved, timeUs: instant.timeUs }) + us);
  }),
]);
