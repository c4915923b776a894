// Intervals: months, days and µs apart, as PostgreSQL keeps them. A cell is text that SQLite can order: first the length as a number of fixed width
// (a month is 30 days, a day 24 hours), then the three parts. Intervals of one length are equal and need not read the same.
import { DbError } from "../base/errors.ts";

export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly us: bigint;
}

export const DAYS_PER_MONTH = 30;
export const MONTHS_PER_YEAR = 12;
const US_PER_DAY = 86_400_000_000n;
const US_PER_HOUR = 3_600_000_000n;
const US_PER_MINUTE = 60_000_000n;
const US_PER_SECOND = 1_000_000n;

/** Above every length, so that what is written is never negative. */
const LENGTH_OFFSET = 10n ** 22n;
export const LENGTH_DIGITS = 23;

const MAX_INT = 2_147_483_647;
const MAX_BIGINT = 2n ** 63n - 1n;

/** µs, with months of 30 days and days of 24 hours. */
export function intervalLength({ months, days, us }: Interval): bigint {
  return (BigInt(months) * BigInt(DAYS_PER_MONTH) + BigInt(days)) * US_PER_DAY + us;
}

export function intervalOutOfRange(): DbError {
  return new DbError("SQL_EXECUTION_ERROR", "interval out of range");
}

/** The cell of an interval whose parts fit. */
export function intervalCell(interval: Interval): string {
  const { months, days, us } = interval;
  const fits = (part: number): boolean => Number.isInteger(part) && part <= MAX_INT && part >= -MAX_INT - 1;
  if (!fits(months) || !fits(days) || us > MAX_BIGINT || us < -MAX_BIGINT - 1n) throw intervalOutOfRange();
  const length = String(intervalLength(interval) + LENGTH_OFFSET).padStart(LENGTH_DIGITS, "0");
  return `${length}/${months + 0}/${days + 0}/${us}`;
}

export function intervalOf(cell: string): Interval {
  const [, months = "0", days = "0", us = "0"] = cell.split("/");
  return { months: Number(months), days: Number(days), us: BigInt(us) };
}

/** What two equal intervals have in common. */
export function intervalKey(cell: string): string {
  return cell.slice(0, LENGTH_DIGITS);
}

function pad(value: bigint): string {
  return String(value).padStart(2, "0");
}

function clock(us: bigint): string {
  const size = us < 0n ? -us : us;
  const fraction = String(size % US_PER_SECOND)
    .padStart(6, "0")
    .replace(/0+$/, "");
  const text = `${pad(size / US_PER_HOUR)}:${pad((size / US_PER_MINUTE) % 60n)}:${pad((size / US_PER_SECOND) % 60n)}`;
  return fraction === "" ? text : `${text}.${fraction}`;
}

/** PostgreSQL's style `postgres`: `1 year 2 mons -3 days +04:05:06`. A plus sign follows a negative part. */
export function formatInterval({ months, days, us }: Interval): string {
  const parts: string[] = [];
  let afterNegative = false;
  const add = (value: number, unit: string): void => {
    if (value === 0) return;
    parts.push(`${afterNegative && value > 0 ? "+" : ""}${value} ${unit}${value === 1 ? "" : "s"}`);
    afterNegative = value < 0;
  };
  add(Math.trunc(months / MONTHS_PER_YEAR), "year");
  add(months % MONTHS_PER_YEAR, "mon");
  add(days, "day");
  if (us !== 0n || parts.length === 0) parts.push(`${us < 0n ? "-" : afterNegative ? "+" : ""}${clock(us)}`);
  return parts.join(" ");
}
