import { fromSortableText } from "../../../model/decimal.ts";
import { defineAggregate } from "./definition.ts";

interface Total {
  readonly sum: bigint;
  readonly count: bigint;
}

/** Exact sum and count of decimals as `sum/count`, which `decimal_sum` and `decimal_average` read. NULL without values. */
export const decimalTotal = defineAggregate<Total>("decimal_total", {
  start: () => ({ sum: 0n, count: 0n }),
  step: (total, value = null) =>
    value === null ? total : { sum: total.sum + fromSortableText(String(value)), count: total.count + 1n },
  inverse: (total, value = null) =>
    value === null ? total : { sum: total.sum - fromSortableText(String(value)), count: total.count - 1n },
  result: ({ sum, count }) => (count === 0n ? null : `${sum}/${count}`),
});
