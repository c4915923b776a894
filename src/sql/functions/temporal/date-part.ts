// date_part and EXTRACT. Both give double precision.
import { DbError } from "../../../base/errors.ts";
import { DOUBLE } from "../../../model/sql-type.ts";
import { alias, defineFunction, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { civilOfDays, dayOfYear, isoWeek, isoWeekday } from "./civil.ts";
import { type Instant, instantOf, US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { intervalPart } from "./interval-parts.ts";
import { unitNamed } from "./unit-named.ts";

type Part = (instant: Instant) => number;

/** Julian day of 1970-01-01. */
const JULIAN_EPOCH = 2_440_588;

/** There is no year 0: 1 BC comes before AD 1. */
function yearSpan(span: number): Part {
  return ({ days }) => {
    const { year } = civilOfDays(days);
    return year > 0 ? Math.ceil(year / span) : -Math.ceil((1 - year) / span);
  };
}

const TIME_PARTS: Readonly<Record<string, Part>> = {
  hour: ({ timeUs }) => Math.floor(timeUs / US_PER_HOUR),
  minute: ({ timeUs }) => Math.floor(timeUs / US_PER_MINUTE) % 60,
  second: ({ timeUs }) => (timeUs % US_PER_MINUTE) / US_PER_SECOND,
  millisecond: ({ timeUs }) => (timeUs % US_PER_MINUTE) / 1000,
  microsecond: ({ timeUs }) => timeUs % US_PER_MINUTE,
  epoch: ({ timeUs }) => timeUs / US_PER_SECOND,
};

const TIMESTAMP_PARTS: Readonly<Record<string, Part>> = {
  ...TIME_PARTS,
  epoch: ({ days, timeUs }) => (days * US_PER_DAY + timeUs) / US_PER_SECOND,
  millennium: yearSpan(1000),
  century: yearSpan(100),
  decade: ({ days }) => Math.floor(civilOfDays(days).year / 10),
  year: yearSpan(1),
  isoyear: ({ days }) => isoWeek(days).year,
  quarter: ({ days }) => Math.ceil(civilOfDays(days).month / 3),
  month: ({ days }) => civilOfDays(days).month,
  week: ({ days }) => isoWeek(days).week,
  day: ({ days }) => civilOfDays(days).day,
  doy: ({ days }) => dayOfYear(days),
  dow: ({ days }) => isoWeekday(days) % 7,
  isodow: ({ days }) => isoWeekday(days),
  julian: ({ days, timeUs }) => days + JULIAN_EPOCH + timeUs / US_PER_DAY,
};

function partNamed(parts: Readonly<Record<string, Part>>, unit: string, type: string): Part {
  const part = unitNamed(parts, unit);
  if (part !== undefined) return part;
  throw new DbError("SQL_EXECUTION_ERROR", `unit ${JSON.stringify(unit)} not recognized for type ${type}`, {
    hint: `Units are ${Object.keys(parts).join(", ")}.`,
  });
}

export const datePart = defineFunction("date_part", [
  preparedOverload(["text", "timestamp"], DOUBLE, () => {
    const part = memoizeLast((unit = "") => partNamed(TIMESTAMP_PARTS, unit, "timestamp"));
    return (unit, timestamp) => part(unit)(instantOf(timestamp));
  }),
  preparedOverload(["text", "time"], DOUBLE, () => {
    const part = memoizeLast((unit = "") => partNamed(TIME_PARTS, unit, "time"));
    return (unit, timeUs) => part(unit)({ days: 0, timeUs });
  }),
  intervalPart,
]);

export const extract = alias("extract", datePart);
