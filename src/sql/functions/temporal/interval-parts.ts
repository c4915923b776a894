// Fields of an interval: what extract gives, and what date_trunc leaves.
import { DbError } from "../../../base/errors.ts";
import { type Interval, intervalCell, intervalOf } from "../../../model/interval.ts";
import { DOUBLE, INTERVAL } from "../../../model/sql-type.ts";
import { type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { SECONDS_PER_DAY, US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { unitNamed } from "./unit-named.ts";

type Part = (interval: Interval) => number;

const DAYS_PER_YEAR = 365.25;
const [MINUTE, HOUR] = [BigInt(US_PER_MINUTE), BigInt(US_PER_HOUR)];
const years = ({ months }: Interval): number => Math.trunc(months / 12);
const restUs = ({ us }: Interval): number => Number(us % MINUTE);

const PARTS: Readonly<Record<string, Part>> = {
  microsecond: restUs,
  millisecond: (interval) => restUs(interval) / 1000,
  second: (interval) => restUs(interval) / US_PER_SECOND,
  minute: ({ us }) => Number((us / MINUTE) % 60n),
  hour: ({ us }) => Number(us / HOUR),
  day: ({ days }) => days,
  month: ({ months }) => months % 12,
  quarter: ({ months }) => Math.trunc((months % 12) / 3) + 1,
  year: years,
  decade: (interval) => Math.trunc(years(interval) / 10),
  century: (interval) => Math.trunc(years(interval) / 100),
  millennium: (interval) => Math.trunc(years(interval) / 1000),
  epoch: (interval) => {
    const { months, days, us } = interval;
    const wholeDays = DAYS_PER_YEAR * years(interval) + 30 * (months % 12) + days;
    return (
      wholeDays * SECONDS_PER_DAY +
      Number(us / BigInt(US_PER_DAY)) * SECONDS_PER_DAY +
      Number(us % BigInt(US_PER_DAY)) / US_PER_SECOND
    );
  },
};

/** Units of a timestamp that an interval has not. */
const NOT_HERE = ["week", "dow", "isodow", "doy", "isoyear", "julian", "timezone", "timezone_hour", "timezone_minute"];

function refused(unit: string): DbError {
  const known = unitNamed(Object.fromEntries(NOT_HERE.map((name) => [name, name])), unit);
  const what = known === undefined ? "recognized" : "supported";
  return new DbError("SQL_EXECUTION_ERROR", `unit ${JSON.stringify(unit)} not ${what} for type interval`);
}

export const intervalPart: Overload = preparedOverload(["text", "interval"], DOUBLE, () => {
  const part = memoizeLast((unit = "") => {
    const found = unitNamed(PARTS, unit);
    if (found === undefined) throw refused(unit);
    return found;
  });
  // Truncation leaves -0 behind.
  return (unit, interval) => part(unit)(intervalOf(interval)) + 0;
});

type Truncate = (interval: Interval) => Interval;

function toUs(unitUs: number): Truncate {
  return ({ months, days, us }) => ({ months, days, us: us - (us % BigInt(unitUs)) });
}

function toMonths(span: number): Truncate {
  return ({ months }) => ({ months: months - (months % span), days: 0, us: 0n });
}

const TRUNCATE: Readonly<Record<string, Truncate>> = {
  microsecond: (interval) => interval,
  millisecond: toUs(1000),
  second: toUs(US_PER_SECOND),
  minute: toUs(US_PER_MINUTE),
  hour: toUs(US_PER_HOUR),
  day: ({ months, days }) => ({ months, days, us: 0n }),
  month: toMonths(1),
  quarter: toMonths(3),
  year: toMonths(12),
  decade: toMonths(120),
  century: toMonths(1200),
  millennium: toMonths(12_000),
};

export const intervalTrunc: Overload = preparedOverload(["text", "interval"], INTERVAL, () => {
  const truncate = memoizeLast((unit = "") => {
    const found = unitNamed(TRUNCATE, unit);
    if (found === undefined) throw refused(unit);
    return found;
  });
  return (unit, interval) => intervalCell(truncate(unit)(intervalOf(interval)));
});
