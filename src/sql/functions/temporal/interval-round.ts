import { intervalCell, intervalOf } from "../../../model/interval.ts";
import { INTERVAL } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** Seconds rounded to so many fraction digits, for `interval(3)`. */
export const intervalRound = defineFunction("interval_round", [
  overload(["interval", "int"], INTERVAL, (interval, digits) => {
    const { months, days, us } = intervalOf(interval);
    const unit = 10n ** BigInt(6 - Math.min(Math.max(digits, 0), 6));
    const half = us < 0n ? -unit / 2n : unit / 2n;
    return intervalCell({ months, days, us: ((us + half) / unit) * unit });
  }),
]);
