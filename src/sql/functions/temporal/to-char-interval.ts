// to_char of an interval: hours are not cut at a day, and what only a date has (names of months and days) is refused.
import { DbError } from "../../../base/errors.ts";
import { type Interval, intervalOf } from "../../../model/interval.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";

type Piece = (interval: Interval) => string;

interface Field {
  readonly width: number;
  readonly number: (interval: Interval) => number;
}

const MAX_FORMAT_LENGTH = 500;
const unit = ({ us }: Interval, size: number): number => Number(us / BigInt(size)) + 0;
const hours = (interval: Interval): number => unit(interval, US_PER_HOUR);
const seconds = (interval: Interval): number => unit(interval, US_PER_SECOND) % 60;
const year = ({ months }: Interval): number => Math.trunc(months / 12) + 0;
const twelve = (interval: Interval): number => (hours(interval) % 12 === 0 ? 12 : hours(interval) % 12);
const fraction = ({ us }: Interval): number => Number(us % BigInt(US_PER_SECOND)) + 0;

const FIELDS: readonly (readonly [pattern: string, field: Field])[] = [
  ["YYYY", { width: 4, number: year }],
  ["YYY", { width: 3, number: (interval) => year(interval) % 1000 }],
  ["YY", { width: 2, number: (interval) => year(interval) % 100 }],
  ["Y", { width: 1, number: (interval) => year(interval) % 10 }],
  ["MM", { width: 2, number: ({ months }) => months % 12 }],
  ["DDD", { width: 3, number: ({ months, days }) => months * 30 + days }],
  ["DD", { width: 2, number: ({ days }) => days }],
  ["HH24", { width: 2, number: hours }],
  ["HH12", { width: 2, number: twelve }],
  ["HH", { width: 2, number: twelve }],
  ["MI", { width: 2, number: (interval) => unit(interval, US_PER_MINUTE) % 60 }],
  ["SSSSS", { width: 1, number: (interval) => unit(interval, US_PER_SECOND) }],
  ["SSSS", { width: 1, number: (interval) => unit(interval, US_PER_SECOND) }],
  ["SS", { width: 2, number: seconds }],
  ["MS", { width: 3, number: (interval) => Math.trunc(fraction(interval) / 1000) }],
  ["US", { width: 6, number: fraction }],
];
const HALF_DAYS = ["AM", "PM"];
const DATES_ONLY = [
  "MONTH",
  "MON",
  "DAY",
  "DY",
  "ID",
  "IW",
  "IYYY",
  "D",
  "J",
  "Q",
  "WW",
  "W",
  "CC",
  "RM",
  "TZ",
  "BC",
  "AD",
];

function padded(value: number, width: number): string {
  // A sign takes a place of its own.
  return value < 0 ? `-${String(-value).padStart(width, "0")}` : String(value + 0).padStart(width, "0");
}

function halfDay(pattern: string): Piece {
  return (interval) => {
    const isAfternoon = ((hours(interval) % 24) + 24) % 24 >= 12;
    const text = isAfternoon ? "PM" : "AM";
    return pattern === pattern.toLowerCase() ? text.toLowerCase() : text;
  };
}

function pieceAt(format: string, at: number, fill: boolean): { readonly piece: Piece; readonly length: number } {
  const rest = format.slice(at).toUpperCase();
  const known = FIELDS.find(([pattern]) => rest.startsWith(pattern));
  if (known !== undefined && !rest.startsWith("DAY") && !rest.startsWith("DY")) {
    const [pattern, { width, number }] = known;
    return { piece: (interval) => padded(number(interval), fill ? width : 1), length: pattern.length };
  }
  if (HALF_DAYS.some((half) => rest.startsWith(half))) return { piece: halfDay(format.slice(at, at + 2)), length: 2 };
  if (DATES_ONLY.some((pattern) => rest.startsWith(pattern))) {
    throw new DbError("SQL_EXECUTION_ERROR", "invalid format specification for an interval value", {
      hint: "Intervals are not tied to specific calendar dates.",
    });
  }
  const own = format.charAt(at);
  return { piece: () => own, length: 1 };
}

function compileFormat(format: string): readonly Piece[] {
  if (format.length > MAX_FORMAT_LENGTH) {
    throw new DbError("SQL_EXECUTION_ERROR", `to_char format is too long: at most ${MAX_FORMAT_LENGTH} characters`);
  }
  const pieces: Piece[] = [];
  for (let at = 0; at < format.length; ) {
    const quoted = /^"([^"]*)"?/.exec(format.slice(at));
    if (quoted !== null) {
      const text = quoted[1] ?? "";
      pieces.push(() => text);
      at += quoted[0].length;
      continue;
    }
    const fill = !/^FM/i.test(format.slice(at, at + 2));
    if (!fill) at += 2;
    const { piece, length } = pieceAt(format, at, fill);
    pieces.push(piece);
    at += length;
  }
  return pieces;
}

export const intervalToChar: Overload = preparedOverload(["interval", "text"], TEXT, () => {
  const pieces = memoizeLast((format = "") => compileFormat(format));
  return (cell, format) => {
    const interval = intervalOf(cell);
    return pieces(format)
      .map((piece) => piece(interval))
      .join("");
  };
});
