// What a row of the settings table is, and the units and value types that rows share.
import { integer, type ValueType } from "./value-type.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const DAY_SECONDS = 86_400;
export const HOUR_MS = 3_600_000;
export const MAX_COUNT = 1_000_000_000;

export interface Setting<T> {
  readonly type: ValueType<T>;
  readonly fallback: NoInfer<T>;
  readonly help: string;
  /** Environment variables besides the one made from the name; the first is the documented one. */
  readonly env?: readonly string[];
  /** Friendlier spellings of the flag. */
  readonly aliases?: readonly string[];
  /** Masked wherever settings are shown, and refused as a flag: other users of the machine can read command lines. */
  readonly secret?: boolean;
}

export function setting<T>(row: Setting<T>): Setting<T> {
  return row;
}

export const perSecond = integer({ min: 1, max: MAX_COUNT });
export const count = integer({ min: 1, max: MAX_COUNT });
export const seconds = integer({ min: 1, max: DAY_SECONDS, unit: "seconds", metavar: "SECONDS" });
export const milliseconds = integer({ min: 1, max: HOUR_MS, unit: "milliseconds", metavar: "MS" });
