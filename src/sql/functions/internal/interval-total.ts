// What `interval_total` collected, as the sum or the average of intervals.
import { type Interval, intervalCell } from "../../../model/interval.ts";
import { INTERVAL } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { divided } from "../temporal/interval-arithmetic.ts";

function read(total: string): { readonly sum: Interval; readonly count: number } {
  const [months = "0", days = "0", us = "0", count = "1"] = total.split("/");
  return { sum: { months: Number(months), days: Number(days), us: BigInt(us) }, count: Number(count) };
}

export const intervalSum = defineFunction("interval_sum", [
  overload(["text"], INTERVAL, (total) => intervalCell(read(total).sum)),
]);

export const intervalAverage = defineFunction("interval_average", [
  overload(["text"], INTERVAL, (total) => {
    const { sum, count } = read(total);
    return divided(sum, count);
  }),
]);
