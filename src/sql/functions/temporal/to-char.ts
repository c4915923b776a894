// to_char for timestamps: the patterns of `FORMATS`, text in double quotes, every other character as it is. A pattern PostgreSQL has and this has not
// is refused by name rather than copied out.
import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { numbersToChar } from "../numeric/to-char-number.ts";
import { civilOfDays, dayOfYear, isoWeek, isoWeekday } from "./civil.ts";
import { type Instant, instantOf, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { type Field, formatter, type PatternAt } from "./to-char-format.ts";
import { intervalToChar } from "./to-char-interval.ts";

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const NAME_WIDTH = 9;

type InstantField = Field<Instant>;

const hour = ({ timeUs }: Instant): number => Math.floor(timeUs / US_PER_HOUR);
const twelveHour = (instant: Instant): number => ((hour(instant) + 11) % 12) + 1;
const year = ({ days }: Instant): number => civilOfDays(days).year;
const monthName = ({ days }: Instant): string => MONTHS[civilOfDays(days).month - 1] ?? "";
const dayName = ({ days }: Instant): string => DAYS[isoWeekday(days) % 7] ?? "";
const halfDay = (instant: Instant): string => (hour(instant) < 12 ? "AM" : "PM");
const dotted = (text: string): string => `${text[0]}.${text[1]}.`;
const short = (text: string): string => text.slice(0, 3);

/** Padded with blanks. */
function named(width: number, name: (instant: Instant) => string): InstantField {
  return { text: (instant, fill) => (fill ? name(instant).padEnd(width) : name(instant)), isNumber: false };
}

/** Padded with zeros. */
function number(width: number, value: (instant: Instant) => number): InstantField {
  return { text: (instant, fill) => String(value(instant)).padStart(fill ? width : 0, "0"), isNumber: true };
}

/** Upper case, capitalised and lower case spellings of a name. */
function spellings(text: string, width: number, name: (instant: Instant) => string): [string, InstantField][] {
  return [
    [text.toUpperCase(), named(width, (instant) => name(instant).toUpperCase())],
    [text, named(width, name)],
    [text.toLowerCase(), named(width, (instant) => name(instant).toLowerCase())],
  ];
}

const FORMATS: ReadonlyMap<string, InstantField> = new Map<string, InstantField>([
  ["YYYY", number(4, year)],
  ["YYY", number(3, (instant) => year(instant) % 1000)],
  ["YY", number(2, (instant) => year(instant) % 100)],
  ["Y", number(1, (instant) => year(instant) % 10)],
  ["IYYY", number(4, ({ days }) => isoWeek(days).year)],
  ["MM", number(2, ({ days }) => civilOfDays(days).month)],
  ["DDD", number(3, ({ days }) => dayOfYear(days))],
  ["DD", number(2, ({ days }) => civilOfDays(days).day)],
  ["ID", number(1, ({ days }) => isoWeekday(days))],
  ["D", number(1, ({ days }) => (isoWeekday(days) % 7) + 1)],
  ["IW", number(2, ({ days }) => isoWeek(days).week)],
  ["WW", number(2, ({ days }) => Math.ceil(dayOfYear(days) / 7))],
  ["W", number(1, ({ days }) => Math.ceil(civilOfDays(days).day / 7))],
  ["Q", number(1, ({ days }) => Math.ceil(civilOfDays(days).month / 3))],
  ["HH24", number(2, hour)],
  ["HH12", number(2, twelveHour)],
  ["HH", number(2, twelveHour)],
  ["MI", number(2, ({ timeUs }) => Math.floor(timeUs / US_PER_MINUTE) % 60)],
  ["SSSSS", number(5, ({ timeUs }) => Math.floor(timeUs / US_PER_SECOND))],
  ["SSSS", number(5, ({ timeUs }) => Math.floor(timeUs / US_PER_SECOND))],
  ["SS", number(2, ({ timeUs }) => Math.floor(timeUs / US_PER_SECOND) % 60)],
  ["MS", number(3, ({ timeUs }) => Math.floor(timeUs / 1000) % 1000)],
  ["US", number(6, ({ timeUs }) => timeUs % US_PER_SECOND)],
  ...spellings("Month", NAME_WIDTH, monthName),
  ...spellings("Mon", 3, (instant) => short(monthName(instant))),
  ...spellings("Day", NAME_WIDTH, dayName),
  ...spellings("Dy", 2, (instant) => short(dayName(instant))),
  ["AM", named(2, halfDay)],
  ["PM", named(2, halfDay)],
  ["am", named(2, (instant) => halfDay(instant).toLowerCase())],
  ["pm", named(2, (instant) => halfDay(instant).toLowerCase())],
  ["A.M.", named(4, (instant) => dotted(halfDay(instant)))],
  ["P.M.", named(4, (instant) => dotted(halfDay(instant)))],
  ["a.m.", named(4, (instant) => dotted(halfDay(instant).toLowerCase()))],
  ["p.m.", named(4, (instant) => dotted(halfDay(instant).toLowerCase()))],
]);

const UNSUPPORTED = [
  "Y,YYY",
  "IYY",
  "IDDD",
  "TZH",
  "TZM",
  "TZ",
  "tz",
  "OF",
  "RM",
  "rm",
  "CC",
  "BC",
  "AD",
  "J",
  "FF",
  "TM",
  "FX",
  "SP",
];
const longestFirst = (a: string, b: string): number => b.length - a.length;
const PATTERNS = [...FORMATS.keys(), ...UNSUPPORTED].sort(longestFirst);

const patternAt: PatternAt<Instant> = (format, at) => {
  const name = PATTERNS.find((pattern) => format.startsWith(pattern, at) || upperAt(format, at, pattern));
  if (name === undefined) return undefined;
  const field = FORMATS.get(name);
  if (field === undefined) {
    throw new DbError("UNSUPPORTED", `to_char pattern ${JSON.stringify(name)} is not supported`);
  }
  return { field, length: name.length };
};

/** Numeric patterns may be written in any case; names of months and days say their case by their own. */
function upperAt(format: string, at: number, pattern: string): boolean {
  return FORMATS.get(pattern)?.isNumber === true && format.slice(at, at + pattern.length).toUpperCase() === pattern;
}

export const toChar = defineFunction("to_char", [
  preparedOverload(["timestamp", "text"], TEXT, () => {
    const write = formatter(patternAt);
    return (timestamp, format) => write(instantOf(timestamp), format);
  }),
  intervalToChar,
  ...numbersToChar,
]);
