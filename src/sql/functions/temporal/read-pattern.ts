// to_date and to_timestamp(text, pattern): text read by a pattern. It knows `YYYY MM DD DDD MON MONTH HH24 HH12 HH MI SS MS US AM PM` and FM; a character that is no
// letter or digit stands for any run of such characters, text in double quotes for as many characters. Another pattern is refused.
import { DbError } from "../../../base/errors.ts";
import { DATETIME } from "../../../model/sql-type.ts";
import { timestampOfDays } from "../../../model/temporal.ts";
import { defineFunction, type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { makeDate } from "./make-date.ts";
import { inTimestamp } from "./range.ts";

type Field = "year" | "month" | "day" | "dayOfYear" | "hour" | "hour12" | "minute" | "second" | "us" | "half";
type Fields = Partial<Record<Field, number>>;
type Step = (text: string, at: number, fields: Fields) => number;

const MAX_PATTERN_LENGTH = 200;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const LONG_MONTHS = "january february march april may june july august september october november december".split(" ");

function failure(message: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", message);
}

/** Up to `width` digits; `unitUs` of a fraction of a second is the µs of its last possible digit. */
function digits(pattern: string, field: Field, { width, unitUs }: { width: number; unitUs?: number }): Step {
  const reader = new RegExp(`\\s*(\\d{1,${width}})`, "y");
  return (text, at, fields) => {
    reader.lastIndex = at;
    const found = reader.exec(text);
    const own = found?.[1];
    if (found === null || own === undefined) {
      throw failure(`invalid value ${JSON.stringify(text.slice(at, at + width))} for ${JSON.stringify(pattern)}`);
    }
    fields[field] = unitUs === undefined ? Number(own) : Number(own.padEnd(width, "0")) * unitUs;
    return reader.lastIndex;
  };
}

function word(pattern: string, field: Field, words: readonly string[]): Step {
  return (text, at, fields) => {
    const rest = text.slice(at).toLowerCase();
    const index = words.findIndex((one) => rest.startsWith(one));
    if (index < 0)
      throw failure(`invalid value ${JSON.stringify(text.slice(at, at + 9))} for ${JSON.stringify(pattern)}`);
    fields[field] = index + 1;
    return at + (words[index]?.length ?? 0);
  };
}

const PATTERNS: readonly (readonly [name: string, step: Step])[] = [
  ["YYYY", digits("YYYY", "year", { width: 4 })],
  ["MONTH", word("MONTH", "month", LONG_MONTHS)],
  ["MON", word("MON", "month", MONTHS)],
  ["MM", digits("MM", "month", { width: 2 })],
  ["MI", digits("MI", "minute", { width: 2 })],
  ["MS", digits("MS", "us", { width: 3, unitUs: 1000 })],
  ["US", digits("US", "us", { width: 6, unitUs: 1 })],
  ["DDD", digits("DDD", "dayOfYear", { width: 3 })],
  ["DD", digits("DD", "day", { width: 2 })],
  ["HH24", digits("HH24", "hour", { width: 2 })],
  ["HH12", digits("HH12", "hour12", { width: 2 })],
  ["HH", digits("HH", "hour12", { width: 2 })],
  ["SS", digits("SS", "second", { width: 2 })],
  ["AM", word("AM", "half", ["am", "pm"])],
  ["PM", word("PM", "half", ["am", "pm"])],
];

const separators: Step = (text, at) => {
  let next = at;
  while (next < text.length && /[^\p{L}\p{N}]/u.test(text.charAt(next))) next += 1;
  return next;
};

function compilePattern(pattern: string): readonly Step[] {
  if (pattern.length > MAX_PATTERN_LENGTH) throw failure(`pattern is longer than ${MAX_PATTERN_LENGTH} characters`);
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const quoted = /^"([^"]*)"?/.exec(rest);
    const known = PATTERNS.find(([name]) => rest.toUpperCase().startsWith(name));
    if (/^FM/i.test(rest)) at += 2;
    else if (quoted !== null) {
      const length = (quoted[1] ?? "").length;
      steps.push((_text, from) => from + length);
      at += quoted[0].length;
    } else if (known !== undefined) {
      steps.push(known[1]);
      at += known[0].length;
    } else if (/^[\p{L}\p{N}]/u.test(rest) && !rest.startsWith("T")) {
      throw new DbError(
        "UNSUPPORTED",
        `pattern ${JSON.stringify(rest.slice(0, 4))} is not supported for reading a date`,
      );
    } else {
      // The T of ISO 8601 is a character of its own.
      steps.push(rest.startsWith("T") ? (_text, from) => from + 1 : separators);
      at += 1;
    }
  }
  return steps;
}

function hourOf({ hour, hour12, half }: Fields): number {
  if (hour12 === undefined) return hour ?? 0;
  if (hour12 < 1 || hour12 > 12) {
    throw new DbError("SQL_EXECUTION_ERROR", `hour "${hour12}" is invalid for the 12-hour clock`, {
      hint: "Use the 24-hour clock, or give an hour between 1 and 12.",
    });
  }
  return (hour12 % 12) + (half === 2 ? 12 : 0);
}

interface Read {
  readonly days: number;
  readonly timeUs: number;
}

function read(text: string, steps: readonly Step[]): Read {
  const fields: Fields = {};
  let at = separators(text, 0, fields);
  for (const step of steps) {
    // What the text does not reach stays as it begins: the first of January, midnight.
    if (at >= text.length) break;
    at = step(text, at, fields);
  }
  const [hour, minute, second] = [hourOf(fields), fields.minute ?? 0, fields.second ?? 0];
  const outOfRange = (): DbError => failure(`date/time field value out of range: ${JSON.stringify(text)}`);
  if (hour > 23 || minute > 59 || second > 59) throw outOfRange();
  return {
    days: daysOf(fields, outOfRange),
    timeUs: hour * US_PER_HOUR + minute * US_PER_MINUTE + second * US_PER_SECOND + (fields.us ?? 0),
  };
}

function daysOf({ year, month = 1, day = 1, dayOfYear }: Fields, outOfRange: () => DbError): number {
  if (year === undefined) throw new DbError("UNSUPPORTED", "a date pattern without YYYY is not supported");
  if (dayOfYear !== undefined && (dayOfYear < 1 || dayOfYear > 366)) throw outOfRange();
  try {
    return dayOfYear === undefined ? makeDate(year, month, day) : makeDate(year, 1, 1) + dayOfYear - 1;
  } catch (error) {
    throw error instanceof DbError ? outOfRange() : error;
  }
}

export const toDate = defineFunction("to_date", [
  preparedOverload(["text", "text"], { kind: "date" }, () => {
    const steps = memoizeLast((pattern = "") => compilePattern(pattern));
    return (text, pattern) => read(text, steps(pattern)).days;
  }),
]);

/** Of `to_timestamp`, beside the one of seconds. */
export const timestampByPattern: Overload = preparedOverload(["text", "text"], DATETIME, () => {
  const steps = memoizeLast((pattern = "") => compilePattern(pattern));
  return (text, pattern) => {
    const { days, timeUs } = read(text, steps(pattern));
    return inTimestamp(timestampOfDays(days) + BigInt(timeUs));
  };
});
