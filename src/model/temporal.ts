// Dates and times as integers: µs since the Unix epoch, days since 1970-01-01, µs since midnight. Text is read as PostgreSQL reads ISO
// forms; a zone is applied and dropped, no zone means UTC.
import { DbError } from "../base/errors.ts";
import { instantOfLocal, zoneNamed } from "./time-zone.ts";

const US_PER_SECOND = 1_000_000n;
const SECONDS_PER_DAY = 86_400;
const US_PER_DAY = BigInt(SECONDS_PER_DAY) * US_PER_SECOND;

const DATE_PART = String.raw`(\d{4,6})-(\d{1,2})-(\d{1,2})`;
const TIME_PART = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?`;
const ZONE_PART = String.raw`\s*([+-]\d{2}(?::?\d{2})?|[a-z][\w/+-]*)?`;
const DATE_TEXT = new RegExp(`^\\s*${DATE_PART}\\s*$`);
const TIME_TEXT = new RegExp(`^\\s*${TIME_PART}\\s*$`);
const TIMESTAMP_TEXT = new RegExp(`^\\s*${DATE_PART}(?:[T ]\\s*${TIME_PART}${ZONE_PART})?\\s*$`, "i");

function invalid(what: string, text: string): DbError {
  return new DbError("INVALID_VALUE", `invalid input syntax for type ${what}: ${JSON.stringify(text)}`);
}

function outOfRange(text: string): DbError {
  return new DbError("INVALID_VALUE", `date/time field value out of range: ${JSON.stringify(text)}`);
}

/** Days since 1970-01-01 of a civil date, or undefined when there is no such day. */
export function daysFromCivil(year: number, month: number, day: number): number | undefined {
  const ms = Date.UTC(2000, month - 1, day);
  const date = new Date(ms);
  date.setUTCFullYear(year, month - 1, day);
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return same ? Math.floor(date.getTime() / (SECONDS_PER_DAY * 1000)) : undefined;
}

export function parseDate(text: string): number {
  const match = DATE_TEXT.exec(text);
  if (!match) {
    // A timestamp is accepted where a date is asked for, as in PostgreSQL; its time of day is dropped.
    if (TIMESTAMP_TEXT.test(text)) return daysOfTimestamp(parseTimestamp(text));
    throw invalid("date", text);
  }
  const days = daysFromCivil(Number(match[1]), Number(match[2]), Number(match[3]));
  if (days === undefined) throw outOfRange(text);
  return days;
}

function parseTimeParts(parts: readonly (string | undefined)[], text: string): number {
  const [hours = "0", minutes = "0", seconds = "0", fraction = ""] = parts;
  const inRange = Number(hours) <= 24 && Number(minutes) < 60 && Number(seconds) <= 60;
  const us = Math.round(Number(`0.${fraction === "" ? "0" : fraction}`) * 1e6);
  const total = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e6 + us;
  if (!inRange || total > SECONDS_PER_DAY * 1e6) throw outOfRange(text);
  return total;
}

export function parseTime(text: string): number {
  const match = TIME_TEXT.exec(text);
  if (!match) throw invalid("time", text);
  return parseTimeParts(match.slice(1, 5), text);
}

const UTC = /^(?:z|utc)$/i;

/** The instant at which a clock shows a reading: `+02`, `-03:30`, `CET`, `Europe/Berlin`; no zone is UTC. */
function instantIn(zone: string | undefined, localUs: bigint, { text, what }: { text: string; what: string }): bigint {
  if (zone === undefined || UTC.test(zone)) return localUs;
  if (/^[+-]/.test(zone)) {
    const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
    const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4));
    return localUs - BigInt((zone.startsWith("-") ? -minutes : minutes) * 60) * US_PER_SECOND;
  }
  const named = zoneNamed(zone);
  if (named !== undefined) return instantOfLocal(localUs, named);
  throw zone.includes("/")
    ? new DbError("INVALID_VALUE", `time zone "${zone.toLowerCase()}" not recognized`)
    : invalid(what, text);
}

/** `what` is the type's name in messages. */
export function parseTimestamp(text: string, what = "timestamp"): bigint {
  const match = TIMESTAMP_TEXT.exec(text);
  if (!match) throw invalid(what, text);
  const days = daysFromCivil(Number(match[1]), Number(match[2]), Number(match[3]));
  if (days === undefined) throw outOfRange(text);
  const timeUs = parseTimeParts(match.slice(4, 8), text);
  return instantIn(match[8], BigInt(days) * US_PER_DAY + BigInt(timeUs), { text, what });
}

function floorDiv(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

export function daysOfTimestamp(us: bigint): number {
  return Number(floorDiv(us, US_PER_DAY));
}

export function timestampOfDays(days: number): bigint {
  return BigInt(days) * US_PER_DAY;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

export function formatDate(days: number): string {
  const date = new Date(days * SECONDS_PER_DAY * 1000);
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
}

/** `hh:mm:ss[.ffffff]`, trailing zeros of the fraction dropped, as PostgreSQL prints it. */
export function formatTime(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const fraction = pad(us % 1e6, 6).replace(/0+$/, "");
  const clock = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return fraction === "" ? clock : `${clock}.${fraction}`;
}

export function formatTimestamp(us: bigint): string {
  const days = daysOfTimestamp(us);
  return `${formatDate(days)} ${formatTime(Number(us - timestampOfDays(days)))}`;
}
