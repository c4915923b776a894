// Interval input in the forms PostgreSQL reads: units (`1 day 2 hours ago`), the SQL standard's (`1-2 3 04:05:06`) and ISO 8601 (`P1Y2M3DT4H`). Fields are
// read from right to left, so that a number without a unit takes the one that its place gives it.
import { DbError } from "../base/errors.ts";
import { DAYS_PER_MONTH, type Interval, intervalCell, intervalOf, MONTHS_PER_YEAR } from "./interval.ts";
import { roundEven } from "./round-even.ts";

const MAX_TEXT_LENGTH = 200;
const US_PER_SECOND = 1_000_000;
const US_PER_MINUTE = 60 * US_PER_SECOND;
const US_PER_HOUR = 60 * US_PER_MINUTE;
const US_PER_DAY = 24 * US_PER_HOUR;
const DAYS_PER_WEEK = 7;

type Unit =
  | "microsecond"
  | "millisecond"
  | "second"
  | "minute"
  | "hour"
  | "day"
  | "week"
  | "month"
  | "year"
  | "decade"
  | "century"
  | "millennium";

/** PostgreSQL's spellings; it looks at ten letters. */
const SPELLINGS: Readonly<Record<Unit, string>> = {
  microsecond: "us usec usecs usecond useconds microsecon",
  millisecond: "ms msec msecs msecond mseconds millisecon",
  second: "s sec secs second seconds",
  minute: "m min mins minute minutes",
  hour: "h hr hrs hour hours",
  day: "d day days",
  week: "w week weeks",
  month: "mon mons month months",
  year: "y yr yrs year years",
  decade: "dec decs decade decades",
  century: "c cent century centuries",
  millennium: "mil mils millennia millennium",
};
const TOKEN_LENGTH = 10;
const UNIT_BY_SPELLING: ReadonlyMap<string, Unit> = new Map(
  Object.entries(SPELLINGS).flatMap(([unit, words]) =>
    words.split(" ").map((word): [string, Unit] => [word.slice(0, TOKEN_LENGTH), unit as Unit]),
  ),
);
const US_PER: Partial<Readonly<Record<Unit, number>>> = {
  microsecond: 1,
  millisecond: 1000,
  second: US_PER_SECOND,
  minute: US_PER_MINUTE,
  hour: US_PER_HOUR,
};
const YEARS_PER: Partial<Readonly<Record<Unit, number>>> = { year: 1, decade: 10, century: 100, millennium: 1000 };

/** The fields of `INTERVAL '…' DAY TO SECOND`, largest first. */
export type IntervalField = "year" | "month" | "day" | "hour" | "minute" | "second";
export type IntervalRange = readonly IntervalField[];

type Failure = "syntax" | "range";

class Total {
  months = 0;
  days = 0;
  us = 0n;
  readonly #seen = new Set<string>();

  /** False for a field that was there before. */
  claim(...fields: readonly string[]): boolean {
    if (fields.some((field) => this.#seen.has(field))) return false;
    for (const field of fields) this.#seen.add(field);
    return true;
  }

  get isEmpty(): boolean {
    return this.#seen.size === 0;
  }

  addUs(whole: bigint, fraction: number, scale: number): void {
    this.us += whole * BigInt(scale) + fractionUs(fraction, scale);
  }

  addDays(whole: number, fraction: number, scale: number): void {
    const part = fraction * scale;
    const extra = Math.trunc(part);
    this.days += whole * scale + extra;
    this.us += fractionUs(part - extra, US_PER_DAY);
  }

  addMonths(whole: number, fraction: number): void {
    this.months += whole;
    this.addDays(0, fraction, DAYS_PER_MONTH);
  }

  addYears(whole: number, fraction: number, scale: number): void {
    this.months += whole * scale * MONTHS_PER_YEAR + roundEven(fraction * scale * MONTHS_PER_YEAR);
  }

  interval(sign: 1 | -1): Interval {
    const part = (value: number): number => value * sign + 0;
    return { months: part(this.months), days: part(this.days), us: this.us * BigInt(sign) };
  }
}

/** Cut to µs, and one more when more than half of one is left. */
function fractionUs(fraction: number, scale: number): bigint {
  const exact = fraction * scale;
  const whole = Math.trunc(exact);
  const rest = exact - whole;
  return BigInt(whole + (rest > 0.5 ? 1 : rest < -0.5 ? -1 : 0));
}

function addAmount(total: Total, unit: Unit, { whole, fraction }: { whole: bigint; fraction: number }): boolean {
  const scale = US_PER[unit];
  const years = YEARS_PER[unit];
  const fields = unit === "second" && fraction !== 0 ? ["second", "millisecond", "microsecond"] : [unit];
  if (!total.claim(...fields)) return false;
  if (scale !== undefined) total.addUs(whole, fraction, scale);
  else if (years !== undefined) total.addYears(Number(whole), fraction, years);
  else if (unit === "month") total.addMonths(Number(whole), fraction);
  else total.addDays(Number(whole), fraction, unit === "week" ? DAYS_PER_WEEK : 1);
  return true;
}

const TOKEN =
  /([+-]?)\s*(\d+(?::\d+)+(?:\.\d*)?|\d+-\d+|\d+\.?\d*|(?<![+-])\.\d+)|([a-z]+)|[\s@,;()[\]{}!#$%&*"<>=?^`|~/\\]+/giy;

interface Token {
  readonly sign: string;
  readonly number: string;
  readonly word: string;
}

function tokensOf(text: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  const reader = new RegExp(TOKEN);
  while (reader.lastIndex < text.length) {
    const match = reader.exec(text);
    if (match === null) return undefined;
    const [, sign = "", number = "", word = ""] = match;
    if (number !== "" || word !== "") tokens.push({ sign, number, word: word.toLowerCase() });
  }
  return tokens;
}

const SECONDS = /^(\d+)(?:\.(\d*))?$/;

/** `hh:mm`, `hh:mm:ss.ffffff`, and `mm:ss` where the range says so or a fraction shows it. */
function addClock(total: Total, { sign, number }: Token, range: IntervalRange | undefined): Failure | undefined {
  const parts = number.split(":");
  const last = parts.at(-1) ?? "";
  if (parts.length > 3 || parts.slice(0, -1).some((part) => !/^\d+$/.test(part)) || !SECONDS.test(last))
    return "syntax";
  const isMinutes = parts.length === 2 && (last.includes(".") || (range?.[0] === "minute" && range.length === 2));
  const us = clockUs(isMinutes ? ["0", ...parts] : parts);
  if (us === undefined) return "range";
  if (!total.claim("hour", "minute", "second", "millisecond", "microsecond")) return "syntax";
  total.us += sign === "-" ? -us : us;
  return undefined;
}

/** Undefined: more than 59 minutes or 60 seconds. */
function clockUs([hours = "0", minutes = "0", seconds = "0"]: readonly string[]): bigint | undefined {
  const [, whole = "0", fraction = ""] = SECONDS.exec(seconds) ?? [];
  if (Number(minutes) > 59 || Number(whole) > 60) return undefined;
  return (
    BigInt(hours) * BigInt(US_PER_HOUR) +
    BigInt(minutes) * BigInt(US_PER_MINUTE) +
    BigInt(whole) * BigInt(US_PER_SECOND) +
    fractionUs(Number(`0.${fraction}0`), US_PER_SECOND)
  );
}

/** The unit of the next number to the left; undefined: the range decides. */
interface Reading {
  unit: Unit | undefined;
  isAgo: boolean;
}

function addNumber(
  total: Total,
  token: Token,
  reading: Reading,
  range: IntervalRange | undefined,
): Failure | undefined {
  const { sign, number } = token;
  if (number.includes(":")) {
    reading.unit = "day";
    return addClock(total, token, range);
  }
  const factor = sign === "-" ? -1n : 1n;
  const unit = reading.unit ?? range?.at(-1) ?? "second";
  reading.unit = unit === "hour" ? "day" : unit;
  const yearMonth = /^(\d+)-(\d+)$/.exec(number);
  if (yearMonth !== null) {
    const months = Number(yearMonth[2]);
    if (months >= MONTHS_PER_YEAR) return "range";
    const whole = factor * (BigInt(yearMonth[1] ?? "0") * BigInt(MONTHS_PER_YEAR) + BigInt(months));
    reading.unit = "month";
    return addAmount(total, "month", { whole, fraction: 0 }) ? undefined : "syntax";
  }
  const [whole = "", fraction = ""] = number.split(".");
  const amount = {
    whole: factor * BigInt(whole === "" ? "0" : whole),
    fraction: Number(factor) * Number(`0.${fraction}0`),
  };
  return addAmount(total, unit, amount) ? undefined : "syntax";
}

function readFields(total: Total, text: string, range: IntervalRange | undefined): Failure | Reading {
  const tokens = tokensOf(text);
  if (tokens === undefined) return "syntax";
  const reading: Reading = { unit: undefined, isAgo: false };
  for (const token of tokens.toReversed()) {
    if (token.word === "") {
      const failure = addNumber(total, token, reading, range);
      if (failure !== undefined) return failure;
    } else if (token.word === "ago") reading.isAgo = true;
    else {
      const unit = UNIT_BY_SPELLING.get(token.word.slice(0, TOKEN_LENGTH));
      if (unit === undefined) return "syntax";
      reading.unit = unit;
    }
  }
  return total.isEmpty ? "syntax" : reading;
}

const ISO = /^P(?=.)((?:[+-]?[\d.]+[YMWD])*)(?:T((?:[+-]?[\d.]+[HMS])*))?$/;
const ISO_PART = /([+-]?)(\d*)(\.\d*)?([A-Z])/g;
const ISO_PLAIN = /^P(-?\d+)-(-?\d+)-(-?\d+)(?:T(-?\d+):(-?\d+):(-?\d+)(\.\d+)?)?$/;
const ISO_DATE_UNITS: Readonly<Record<string, Unit>> = { Y: "year", M: "month", W: "week", D: "day" };
const ISO_TIME_UNITS: Readonly<Record<string, Unit>> = { H: "hour", M: "minute", S: "second" };

function addIso(total: Total, parts: string, units: Readonly<Record<string, Unit>>): boolean {
  for (const [, sign = "", whole = "", fraction = "", letter = ""] of parts.matchAll(ISO_PART)) {
    const unit = units[letter];
    if (unit === undefined || (whole === "" && !/\d/.test(fraction))) return false;
    const factor = sign === "-" ? -1 : 1;
    // Each stands for itself: P1DT1D is no text of the form, and a unit twice is added twice.
    const own = {
      whole: BigInt(factor) * BigInt(whole === "" ? "0" : whole),
      fraction: factor * Number(`0${fraction}0`),
    };
    const before = new Total();
    addAmount(before, unit, own);
    total.months += before.months;
    total.days += before.days;
    total.us += before.us;
  }
  return true;
}

function readIso(text: string): Interval | undefined {
  const total = new Total();
  const plain = ISO_PLAIN.exec(text);
  if (plain !== null) {
    const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = plain
      .slice(1, 7)
      .map((part) => Number(part ?? 0));
    total.months = years * MONTHS_PER_YEAR + months;
    total.days = days;
    total.us =
      BigInt(hours * US_PER_HOUR + minutes * US_PER_MINUTE + seconds * US_PER_SECOND) +
      fractionUs(Number(`0${plain[7] ?? ""}0`), US_PER_SECOND);
    return total.interval(1);
  }
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const isRead = addIso(total, match[1] ?? "", ISO_DATE_UNITS) && addIso(total, match[2] ?? "", ISO_TIME_UNITS);
  return isRead ? total.interval(1) : undefined;
}

/** `range` is of `INTERVAL '3' DAY`: its last field is the unit of a bare number. */
export function parseInterval(text: string, range?: IntervalRange): Interval {
  const failed = (failure: Failure): DbError =>
    failure === "syntax"
      ? new DbError("INVALID_VALUE", `invalid input syntax for type interval: ${JSON.stringify(text)}`)
      : new DbError("INVALID_VALUE", `interval field value out of range: ${JSON.stringify(text)}`);
  if (text.length > MAX_TEXT_LENGTH) throw failed("syntax");
  const total = new Total();
  const trimmed = text.trim();
  const read = trimmed.startsWith("P") ? readIso(trimmed) : readFields(total, text, range);
  if (read === undefined || typeof read === "string") throw failed(read ?? "syntax");
  const interval = "months" in read ? read : total.interval(read.isAgo ? -1 : 1);
  try {
    return intervalOf(intervalCell(interval));
  } catch {
    // Its parts do not fit; the message names the text.
    throw failed("range");
  }
}
