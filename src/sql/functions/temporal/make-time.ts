// make_time, make_timestamp and make_timestamptz, from their fields.
import { DbError } from "../../../base/errors.ts";
import { DATETIME, TIMESTAMP } from "../../../model/sql-type.ts";
import { timestampOfDays } from "../../../model/temporal.ts";
import { instantOfLocal, zoneOf } from "../../../model/time-zone.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";
import { makeDate } from "./make-date.ts";
import { inTimestamp } from "./range.ts";

/** µs since midnight; 24:00:00 is the end of the day. */
export function makeTime(hour: number, minute: number, second: number): number {
  const us = hour * US_PER_HOUR + minute * US_PER_MINUTE + Math.round(second * US_PER_SECOND);
  const isTime = hour >= 0 && minute >= 0 && minute < 60 && second >= 0 && second <= 60 && us <= US_PER_DAY;
  if (!isTime) {
    const shown = [hour, minute].map((field) => String(field).padStart(2, "0")).join(":");
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `time field value out of range: ${shown}:${String(second).padStart(2, "0")}`,
    );
  }
  return us;
}

export const makeTimeFunction = defineFunction("make_time", [
  overload(["int", "int", "double"], { kind: "time" }, makeTime),
]);

export const makeTimestamp = defineFunction("make_timestamp", [
  overload(["int", "int", "int", "int", "int", "double"], TIMESTAMP, (year, month, day, hour, minute, second) =>
    inTimestamp(timestampOfDays(makeDate(year, month, day)) + BigInt(makeTime(hour, minute, second))),
  ),
]);

export const makeTimestamptz = defineFunction("make_timestamptz", [
  overload(["int", "int", "int", "int", "int", "double"], DATETIME, (year, month, day, hour, minute, second) =>
    inTimestamp(timestampOfDays(makeDate(year, month, day)) + BigInt(makeTime(hour, minute, second))),
  ),
  preparedOverload(["int", "int", "int", "int", "int", "double", "text"], DATETIME, () => {
    const zoneBy = memoizeLast((zone = "") => zoneOf(zone));
    return (year, month, day, hour, minute, second, zone) => {
      const local = timestampOfDays(makeDate(year, month, day)) + BigInt(makeTime(hour, minute, second));
      return inTimestamp(instantOfLocal(local, zoneBy(zone)));
    };
  }),
]);
