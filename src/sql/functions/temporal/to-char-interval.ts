// to_char of an interval: hours are not cut at a day, and what only a date has (names of months and days) is refused. Widths are PostgreSQL's: of most fields of a
// negative interval the sign takes a place of its own, of the others one of the field's.
import { DbError } from "../../../base/errors.ts";
import { type Interval, intervalOf } from "../../../model/interval.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { type Overload, preparedOverload } from "../definition.ts";
import { US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { type Field, formatter, type PatternAt } from "./to-char-format.ts";

type Part = (interval: Interval) => number;
type IntervalField = Field<Interval>;

const unit = ({ us }: Interval, size: number): number => Number(us / BigInt(size));
const hours: Part = (interval) => unit(interval, US_PER_HOUR);
const minutes: Part = (interval) => unit(interval, US_PER_MINUTE) % 60;
const wholeSeconds: Part = (interval) => unit(interval, US_PER_SECOND);
const seconds: Part = (interval) => wholeSeconds(interval) % 60;
const fraction: Part = ({ us }) => Number(us % BigInt(US_PER_SECOND));
const year: Part = ({ months }) => Math.trunc(months / 12);
const month: Part = ({ months }) => months % 12;
const twelve: Part = (interval) => (hours(interval) % 12 === 0 ? 12 : hours(interval) % 12);
const dayOfAll: Part = ({ months, days }) => months * 30 + days;

/** Filled with zeros to the width, the sign included. */
function zeroFilled(value: number, width: number): string {
  const sign = value < 0 ? "-" : "";
  return sign + String(Math.abs(value)).padStart(width - sign.length, "0");
}

function numbers(text: (interval: Interval, fill: boolean) => string): IntervalField {
  return { text, isNumber: true };
}

/** One place more where `whole`, of which the number is a part, is negative. */
function signed(width: number, part: Part, whole = part): IntervalField {
  return numbers((interval, fill) => {
    return zeroFilled(part(interval), fill ? width + (whole(interval) < 0 ? 1 : 0) : 0);
  });
}

function unsigned(width: number, part: Part): IntervalField {
  return numbers((interval, fill) => zeroFilled(part(interval), fill ? width : 0));
}

/** As wide with FM as without. */
function fixed(width: number, part: Part): IntervalField {
  return numbers((interval) => zeroFilled(part(interval), width));
}

function fractionDigits(digits: number): IntervalField {
  return fixed(digits, (interval) => Math.trunc(fraction(interval) / 10 ** (6 - digits)));
}

function halfDay(morning: string, afternoon: string): IntervalField {
  return { text: (interval) => (hours(interval) % 24 >= 12 ? afternoon : morning), isNumber: false };
}

const thousands: Part = (interval) => Math.trunc(year(interval) / 1000);
const ofThousand: Part = (interval) => year(interval) % 1000;
const week =
  (days: Part): Part =>
  (interval) =>
    Math.trunc((days(interval) - 1) / 7) + 1;

/** Longer patterns first, where one starts with another. */
const FIELDS: readonly (readonly [pattern: string, field: IntervalField])[] = [
  ["Y,YYY", numbers((interval) => `${zeroFilled(thousands(interval), 0)},${zeroFilled(ofThousand(interval), 3)}`)],
  ["YYYY", signed(4, year)],
  ["YYY", signed(3, ofThousand, year)],
  ["YY", signed(2, (interval) => year(interval) % 100, year)],
  ["Y", fixed(1, (interval) => year(interval) % 10)],
  ["CC", signed(2, (interval) => Math.trunc(year(interval) / 100))],
  ["Q", numbers((interval) => (month(interval) === 0 ? "" : zeroFilled(Math.trunc((month(interval) - 1) / 3) + 1, 0)))],
  ["MM", signed(2, month)],
  ["WW", unsigned(2, week(dayOfAll))],
  [
    "W",
    fixed(
      1,
      week(({ days }) => days),
    ),
  ],
  ["DDD", unsigned(3, dayOfAll)],
  ["DD", unsigned(2, ({ days }) => days)],
  ["HH24", signed(2, hours)],
  ["HH12", signed(2, twelve, hours)],
  ["HH", signed(2, twelve, hours)],
  ["MI", signed(2, minutes)],
  ["SSSSS", fixed(1, wholeSeconds)],
  ["SSSS", fixed(1, wholeSeconds)],
  ["SS", signed(2, seconds)],
  ["MS", fractionDigits(3)],
  ["US", fractionDigits(6)],
  ...Array.from({ length: 6 }, (_, index) => [`FF${index + 1}`, fractionDigits(index + 1)] as const),
];
const HALF_DAYS: ReadonlyMap<string, IntervalField> = new Map(
  ["AM", "am", "A.M.", "a.m."].flatMap((morning) => {
    const afternoon = morning.replace("A", "P").replace("a", "p");
    const field = halfDay(morning, afternoon);
    return [
      [morning, field],
      [afternoon, field],
    ];
  }),
);
const DATES_ONLY = [
  "MONTH",
  "MON",
  "DAY",
  "DY",
  "IDDD",
  "ID",
  "IW",
  "IYYY",
  "D",
  "J",
  "RM",
  "TZ",
  "OF",
  "BC",
  "B.C.",
  "AD",
  "A.D.",
];

const patternAt: PatternAt<Interval> = (format, at) => {
  const rest = format.slice(at).toUpperCase();
  const isName = rest.startsWith("DAY") || rest.startsWith("DY");
  const known = isName ? undefined : FIELDS.find(([pattern]) => rest.startsWith(pattern));
  if (known !== undefined) return { field: known[1], length: known[0].length };
  for (const length of [4, 2]) {
    const field = HALF_DAYS.get(format.slice(at, at + length));
    if (field !== undefined) return { field, length };
  }
  if (DATES_ONLY.some((pattern) => rest.startsWith(pattern))) {
    throw new DbError("SQL_EXECUTION_ERROR", "invalid format specification for an interval value", {
      hint: "Intervals are not tied to specific calendar dates.",
    });
  }
  return undefined;
};

export const intervalToChar: Overload = preparedOverload(["interval", "text"], TEXT, () => {
  const write = formatter(patternAt);
  return (cell, format) => write(intervalOf(cell), format);
});
