// make_interval: the binder brings named arguments into their places.
import { intervalCell, intervalOutOfRange } from "../../../model/interval.ts";
import { roundEven } from "../../../model/round-even.ts";
import { INTERVAL } from "../../../model/sql-type.ts";
import { defineFunction, type Overload, overload } from "../definition.ts";
import { US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND } from "./instant.ts";

export const MAKE_INTERVAL_ARGUMENTS = ["years", "months", "weeks", "days", "hours", "mins", "secs"] as const;

function made(parts: readonly number[]): string {
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts;
  const secondsUs = roundEven(seconds * US_PER_SECOND);
  if (!Number.isFinite(secondsUs)) throw intervalOutOfRange();
  const us = BigInt(hours) * BigInt(US_PER_HOUR) + BigInt(minutes) * BigInt(US_PER_MINUTE) + BigInt(secondsUs);
  return intervalCell({ months: years * 12 + months, days: weeks * 7 + days, us });
}

const ofParts = (...parts: number[]): string => made(parts);

const overloads: readonly Overload[] = [
  overload([], INTERVAL, ofParts),
  overload(["int"], INTERVAL, ofParts),
  overload(["int", "int"], INTERVAL, ofParts),
  overload(["int", "int", "int"], INTERVAL, ofParts),
  overload(["int", "int", "int", "int"], INTERVAL, ofParts),
  overload(["int", "int", "int", "int", "int"], INTERVAL, ofParts),
  overload(["int", "int", "int", "int", "int", "int"], INTERVAL, ofParts),
  overload(["int", "int", "int", "int", "int", "int", "double"], INTERVAL, ofParts),
];

export const makeInterval = defineFunction("make_interval", overloads);
