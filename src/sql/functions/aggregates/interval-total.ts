// Sum and count of intervals as `months/days/µs/count`, which the functions `interval_sum` and `interval_average` read.
import { intervalOf } from "../../../model/interval.ts";
import { defineAggregate } from "./definition.ts";

interface Total {
  readonly months: number;
  readonly days: number;
  readonly us: bigint;
  readonly count: number;
}

export const intervalTotal = defineAggregate<Total>("interval_total", {
  start: () => ({ months: 0, days: 0, us: 0n, count: 0 }),
  step: (total, value = null) => (value === null ? total : moved(total, String(value), 1)),
  inverse: (total, value = null) => (value === null ? total : moved(total, String(value), -1)),
  result: ({ months, days, us, count }) => (count === 0 ? null : `${months}/${days}/${us}/${count}`),
});

function moved(total: Total, cell: string, sign: 1 | -1): Total {
  const { months, days, us } = intervalOf(cell);
  return {
    months: total.months + sign * months,
    days: total.days + sign * days,
    us: total.us + BigInt(sign) * us,
    count: total.count + sign,
  };
}
