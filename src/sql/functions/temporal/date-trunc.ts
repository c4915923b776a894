// date_trunc: a timestamp cut to the start of the unit it lies in.
import { DbError } from "../../../base/errors.ts";
import { DATETIME, TIMESTAMP } from "../../../model/sql-type.ts";
import { instantOfLocal, localOfInstant, zoneOf } from "../../../model/time-zone.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { civilOfDays, daysOfCivil, isoWeekday } from "./civil.ts";
import { type Instant, instantOf, timestampOf, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { intervalTrunc } from "./interval-parts.ts";
import { inTimestamp } from "./range.ts";
import { unitNamed } from "./unit-named.ts";

type Truncate = (instant: Instant) => Instant;

function toTime(unitUs: number): Truncate {
  return ({ days, timeUs }) => ({ days, timeUs: timeUs - (timeUs % unitUs) });
}

/** To the first of January of the first year of a span, spans starting at year `first`. */
function toYears(span: number, first: number): Truncate {
  return ({ days }) => {
    const { year } = civilOfDays(days);
    const start = Math.floor((year - first) / span) * span + first;
    return { days: daysOfCivil({ year: start, month: 1, day: 1 }), timeUs: 0 };
  };
}

function toMonths(span: number): Truncate {
  return ({ days }) => {
    const { year, month } = civilOfDays(days);
    return { days: daysOfCivil({ year, month: month - ((month - 1) % span), day: 1 }), timeUs: 0 };
  };
}

const TRUNCATE: Readonly<Record<string, Truncate>> = {
  microseconds: (instant) => instant,
  milliseconds: toTime(1000),
  second: toTime(US_PER_SECOND),
  minute: toTime(US_PER_MINUTE),
  hour: toTime(US_PER_HOUR),
  day: ({ days }) => ({ days, timeUs: 0 }),
  week: ({ days }) => ({ days: days - isoWeekday(days) + 1, timeUs: 0 }),
  month: toMonths(1),
  quarter: toMonths(3),
  year: toYears(1, 0),
  decade: toYears(10, 0),
  century: toYears(100, 1),
  millennium: toYears(1000, 1),
};

function truncateTo(unit: string): Truncate {
  const truncate = unitNamed(TRUNCATE, unit);
  if (truncate === undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", `unit ${JSON.stringify(unit)} not recognized for type timestamp`, {
      hint: `Units are ${Object.keys(TRUNCATE).join(", ")}.`,
    });
  }
  return truncate;
}

export const dateTrunc = defineFunction("date_trunc", [
  preparedOverload(["text", "timestamp"], TIMESTAMP, truncation),
  preparedOverload(["text", "datetime"], DATETIME, truncation),
  // The start of a unit as clocks of a zone show it.
  preparedOverload(["text", "datetime", "text"], DATETIME, () => {
    const truncate = truncation();
    const zoneBy = memoizeLast((zone = "") => zoneOf(zone));
    return (unit, instant, name) => {
      const zone = zoneBy(name);
      return inTimestamp(instantOfLocal(truncate(unit, localOfInstant(instant, zone)), zone));
    };
  }),
  intervalTrunc,
]);

function truncation(): (unit: string, timestamp: bigint) => bigint {
  const truncate = memoizeLast((unit = "") => truncateTo(unit));
  return (unit, timestamp) => timestampOf(truncate(unit)(instantOf(timestamp)));
}
