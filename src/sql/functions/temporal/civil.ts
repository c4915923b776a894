// The proleptic Gregorian calendar over the whole range of dates; JavaScript's Date ends before it.
const DAYS_PER_ERA = 146_097;
const YEARS_PER_ERA = 400;
/** Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is the last. */
const EPOCH_OFFSET = 719_468;

export interface CivilDate {
  readonly year: number;
  /** 1-12 */
  readonly month: number;
  readonly day: number;
}

/** Day of a year that starts in March, of the first of a month counted from March. */
function monthStart(fromMarch: number): number {
  return Math.floor((153 * fromMarch + 2) / 5);
}

export function daysOfCivil({ year, month, day }: CivilDate): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / YEARS_PER_ERA);
  const yearOfEra = marchYear - era * YEARS_PER_ERA;
  const dayOfYear = monthStart((month + 9) % 12) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - EPOCH_OFFSET;
}

export function civilOfDays(days: number): CivilDate {
  const shifted = days + EPOCH_OFFSET;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const yearStart = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearStart;
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = era * YEARS_PER_ERA + yearOfEra + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - monthStart(fromMarch) + 1 };
}

export function daysInMonth(year: number, month: number): number {
  const next = month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 };
  return daysOfCivil(next) - daysOfCivil({ year, month, day: 1 });
}

/** Moves by months; a day the month does not have becomes its last. */
export function addMonths(days: number, months: number): number {
  if (months === 0) return days;
  const { year, month, day } = civilOfDays(days);
  const index = year * 12 + month - 1 + months;
  const target = { year: Math.floor(index / 12), month: (((index % 12) + 12) % 12) + 1 };
  return daysOfCivil({ ...target, day: Math.min(day, daysInMonth(target.year, target.month)) });
}

/** 1 is Monday, 7 Sunday. */
export function isoWeekday(days: number): number {
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** The year and week of ISO 8601: week 1 holds the year's first Thursday. */
export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  const thursday = days - isoWeekday(days) + 4;
  const { year } = civilOfDays(thursday);
  return { year, week: Math.floor((thursday - daysOfCivil({ year, month: 1, day: 1 })) / 7) + 1 };
}

export function dayOfYear(days: number): number {
  return days - daysOfCivil({ year: civilOfDays(days).year, month: 1, day: 1 }) + 1;
}
