import { DbError } from "../../../base/errors.ts";
import { DATETIME } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { inTimestamp } from "./range.ts";
import { timestampByPattern } from "./read-pattern.ts";

/** Of seconds since the Unix epoch, or of text and its pattern. */
export const toTimestamp = defineFunction("to_timestamp", [
  overload(["double"], DATETIME, (seconds) => {
    if (!Number.isFinite(seconds)) throw new DbError("SQL_EXECUTION_ERROR", "timestamp out of range");
    // Whole seconds apart, so that µs do not drown in a double of the product.
    const whole = Math.floor(seconds);
    return inTimestamp(BigInt(whole) * 1_000_000n + BigInt(Math.round((seconds - whole) * 1e6)));
  }),
  timestampByPattern,
]);
