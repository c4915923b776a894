// The range of dates and timestamps, PostgreSQL's: 4713 BC to AD 294276 (timestamps).
import { DbError } from "../../../base/errors.ts";

const MIN_DAYS = -2_440_588;
const MAX_DAYS = 106_751_990;
const MIN_US = -210_866_803_200_000_000n;
const MAX_US = 9_223_371_331_200_000_000n;

export function inDate(days: number): number {
  if (days < MIN_DAYS || days > MAX_DAYS) throw new DbError("SQL_EXECUTION_ERROR", "date out of range");
  return days;
}

export function inTimestamp(us: bigint): bigint {
  if (us < MIN_US || us > MAX_US) throw new DbError("SQL_EXECUTION_ERROR", "timestamp out of range");
  return us;
}
