// age: the difference of two timestamps in years, months and days as a calendar counts them.
import { intervalCell } from "../../../model/interval.ts";
import { INTERVAL } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { civilOfDays, daysInMonth } from "./civil.ts";
import { instantOf, US_PER_DAY } from "./instant.ts";

function between(later: bigint, earlier: bigint): { months: number; days: number; us: bigint } {
  const [a, b] = [instantOf(later), instantOf(earlier)];
  const [from, to] = [civilOfDays(b.days), civilOfDays(a.days)];
  let timeUs = a.timeUs - b.timeUs;
  let days = to.day - from.day;
  let months = (to.year - from.year) * 12 + to.month - from.month;
  if (timeUs < 0) {
    timeUs += US_PER_DAY;
    days -= 1;
  }
  // The month that days are borrowed from is the earlier one.
  while (days < 0) {
    days += daysInMonth(from.year, from.month);
    months -= 1;
  }
  return { months, days, us: BigInt(timeUs) };
}

function ageOf(a: bigint, b: bigint): string {
  if (a >= b) return intervalCell(between(a, b));
  const { months, days, us } = between(b, a);
  return intervalCell({ months: 0 - months, days: 0 - days, us: -us });
}

export const age = defineFunction("age", [
  overload(["timestamp", "timestamp"], INTERVAL, ageOf),
  overload(["datetime", "datetime"], INTERVAL, ageOf),
]);
