// INTERVAL literals. Intervals are no column type: the binder folds a literal into the three numbers `add_interval` takes.
import { DbError } from "../../../base/errors.ts";
import { US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { unitNamed } from "./unit-named.ts";

export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly us: bigint;
}

type Unit = { readonly months: number } | { readonly days: number } | { readonly us: number };

const UNITS: Readonly<Record<string, Unit>> = {
  microsecond: { us: 1 },
  us: { us: 1 },
  usec: { us: 1 },
  millisecond: { us: 1000 },
  ms: { us: 1000 },
  msec: { us: 1000 },
  second: { us: US_PER_SECOND },
  sec: { us: US_PER_SECOND },
  s: { us: US_PER_SECOND },
  minute: { us: US_PER_MINUTE },
  min: { us: US_PER_MINUTE },
  m: { us: US_PER_MINUTE },
  hour: { us: US_PER_HOUR },
  hr: { us: US_PER_HOUR },
  h: { us: US_PER_HOUR },
  day: { days: 1 },
  d: { days: 1 },
  week: { days: 7 },
  w: { days: 7 },
  month: { months: 1 },
  mon: { months: 1 },
  year: { months: 12 },
  yr: { months: 12 },
  y: { months: 12 },
  decade: { months: 120 },
  century: { months: 1200 },
  centurie: { months: 1200 },
};

const PART = /\s*(?:([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,6})?))?|([+-]?\d*\.?\d+)\s*([a-z]*))\s*/giy;
const DAYS_PER_MONTH = 30;
const MAX_INT = 2_147_483_647;
const MAX_TEXT_LENGTH = 200;

interface Total {
  months: number;
  days: number;
  us: number;
}

function addAmount(total: Total, amount: number, unit: Unit): void {
  if ("us" in unit) total.us += Math.round(amount * unit.us);
  else if ("days" in unit) {
    const days = amount * unit.days;
    total.days += Math.trunc(days);
    total.us += Math.round((days - Math.trunc(days)) * US_PER_DAY);
  } else {
    const months = amount * unit.months;
    total.months += Math.trunc(months);
    // A fraction of a year is whole months to PostgreSQL; a fraction of a month is 30ths of days.
    if (unit.months === 1) addAmount(total, (months - Math.trunc(months)) * DAYS_PER_MONTH, { days: 1 });
  }
}

function addPart(total: Total, match: RegExpExecArray, fallback: string | undefined): boolean {
  const [, sign, hours, minutes = "0", seconds = "0", amount, name = ""] = match;
  if (hours !== undefined) {
    const us =
      Number(hours) * US_PER_HOUR + Number(minutes) * US_PER_MINUTE + Math.round(Number(seconds) * US_PER_SECOND);
    total.us += sign === "-" ? -us : us;
    return Number(minutes) < 60 && Number(seconds) < 60;
  }
  const unit = unitNamed(UNITS, name || fallback || "second");
  if (unit === undefined) return false;
  addAmount(total, Number(amount), unit);
  return true;
}

/** `1 day 02:30`, `-3 months`, `90`, `1.5 hours ago`. `field` is the unit of a bare number (`INTERVAL '3' DAY`). */
export function parseInterval(text: string, field?: string): Interval {
  const invalid = (): DbError =>
    new DbError("INVALID_VALUE", `invalid input syntax for type interval: ${JSON.stringify(text)}`);
  if (text.length > MAX_TEXT_LENGTH) throw invalid();
  const body = /^(.*?)(\s+ago)?\s*$/is.exec(text);
  const amounts = body?.[1] ?? "";
  if (amounts.trim() === "") throw invalid();
  const total: Total = { months: 0, days: 0, us: 0 };
  const part = new RegExp(PART);
  while (part.lastIndex < amounts.length) {
    const match = part.exec(amounts);
    if (match === null || !addPart(total, match, field)) throw invalid();
  }
  const { months, days, us } = total;
  if (Math.abs(months) > MAX_INT || Math.abs(days) > MAX_INT || !Number.isSafeInteger(us)) {
    throw new DbError("INVALID_VALUE", `interval out of range: ${JSON.stringify(text)}`);
  }
  const interval = { months: months + 0, days: days + 0, us: BigInt(us) };
  return body?.[2] === undefined ? interval : negateInterval(interval);
}

export function negateInterval({ months, days, us }: Interval): Interval {
  return { months: 0 - months, days: 0 - days, us: -us };
}
