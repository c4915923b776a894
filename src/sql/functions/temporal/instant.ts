// A timestamp taken apart into its day and the µs since midnight, and put together again.
import { daysOfTimestamp, timestampOfDays } from "../../../model/temporal.ts";

export interface Instant {
  readonly days: number;
  /** µs since midnight. */
  readonly timeUs: number;
}

export const SECONDS_PER_DAY = 86_400;
export const US_PER_SECOND = 1_000_000;
export const US_PER_MINUTE = 60 * US_PER_SECOND;
export const US_PER_HOUR = 60 * US_PER_MINUTE;
export const US_PER_DAY = 24 * US_PER_HOUR;

export function instantOf(us: bigint): Instant {
  const days = daysOfTimestamp(us);
  return { days, timeUs: Number(us - timestampOfDays(days)) };
}

export function timestampOf({ days, timeUs }: Instant): bigint {
  return timestampOfDays(days) + BigInt(timeUs);
}
