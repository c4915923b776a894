// What intervals do to each other and to instants, as PostgreSQL does it: months first, then days, then µs; a fraction of a month becomes days of a
// month of 30, a fraction of a day time.
import { DbError } from "../../../base/errors.ts";
import {
  DAYS_PER_MONTH,
  type Interval,
  intervalCell,
  intervalOf,
  intervalOutOfRange,
} from "../../../model/interval.ts";
import { roundEven } from "../../../model/round-even.ts";
import { memoizeLast } from "../memoize-last.ts";
import { addMonths } from "./civil.ts";
import { instantOf, SECONDS_PER_DAY, timestampOf, US_PER_DAY, US_PER_SECOND } from "./instant.ts";
import { inTimestamp } from "./range.ts";

const DAY = BigInt(US_PER_DAY);

/** Reads the interval of a call that is nearly always the same from row to row. */
export function intervalReader(): (cell: string) => Interval {
  return memoizeLast((cell = "") => intervalOf(cell));
}

export function negated({ months, days, us }: Interval): Interval {
  return { months: 0 - months, days: 0 - days, us: -us };
}

export function sum(a: Interval, b: Interval): Interval {
  return { months: a.months + b.months, days: a.days + b.days, us: a.us + b.us };
}

export function moved(timestamp: bigint, { months, days, us }: Interval): bigint {
  const instant = instantOf(timestamp);
  return inTimestamp(timestampOf({ days: addMonths(instant.days, months) + days, timeUs: instant.timeUs }) + us);
}

/** A time of day goes round the clock; months and days do not touch it. */
export function movedTime(timeUs: number, us: bigint): number {
  return Number((((BigInt(timeUs) + us) % DAY) + DAY) % DAY);
}

/** Days of 24 hours and what is left of one. */
export function difference(a: bigint, b: bigint): string {
  const us = a - b;
  return intervalCell({ months: 0, days: Number(us / DAY), us: us % DAY });
}

/** To µs, when a number is seconds; to millionths, when it is days. */
function rounded(value: number): number {
  return roundEven(value * US_PER_SECOND) / US_PER_SECOND;
}

/** `scale` multiplies or divides a part. */
function scaled({ months, days, us }: Interval, scale: (part: number) => number): string {
  const [exactMonths, exactDays] = [scale(months), scale(days)];
  const [wholeMonths, wholeDays] = [Math.trunc(exactMonths), Math.trunc(exactDays)];
  const monthDays = rounded((exactMonths - wholeMonths) * DAYS_PER_MONTH);
  const restDays = Math.trunc(monthDays);
  let seconds = rounded((exactDays - wholeDays + monthDays - restDays) * SECONDS_PER_DAY);
  const extraDays = Math.trunc(seconds / SECONDS_PER_DAY);
  seconds -= extraDays * SECONDS_PER_DAY;
  const time = roundEven(scale(Number(us)) + seconds * US_PER_SECOND);
  if (!Number.isFinite(time)) throw intervalOutOfRange();
  return intervalCell({ months: wholeMonths, days: wholeDays + restDays + extraDays, us: BigInt(time) });
}

export function multiplied(interval: Interval, factor: number): string {
  return scaled(interval, (part) => part * factor);
}

export function divided(interval: Interval, divisor: number): string {
  if (divisor === 0) throw new DbError("SQL_EXECUTION_ERROR", "division by zero");
  return scaled(interval, (part) => part / divisor);
}
