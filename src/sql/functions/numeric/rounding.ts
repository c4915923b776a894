// How an unscaled decimal loses fraction digits.
import { rescale } from "../../../model/decimal.ts";

export type Rounding = (unscaled: bigint, digits: number) => bigint;

/** Drops `digits` decimal digits, half away from zero. Negative `digits` never come here. */
export const roundDigits: Rounding = (unscaled, digits) => rescale(unscaled, digits, 0);

export const truncateDigits: Rounding = (unscaled, digits) => unscaled / 10n ** BigInt(digits);

export const floorDigits: Rounding = (unscaled, digits) => {
  const divisor = 10n ** BigInt(digits);
  const quotient = unscaled / divisor;
  return unscaled % divisor < 0n ? quotient - 1n : quotient;
};

export const ceilDigits: Rounding = (unscaled, digits) => -floorDigits(-unscaled, digits);

/** No decimal has more digits: beyond this nothing changes, and a power of ten must not grow with a caller's number. */
const MAX_DIGITS = 40;

/** Keeps `places` fraction digits (negative: zeroes whole digits) of a value of `scale`, at the same scale. */
export function keepPlaces(
  unscaled: bigint,
  places: number,
  { scale, rounding }: { scale: number; rounding: Rounding },
): bigint {
  const dropped = Math.min(scale - places, scale + MAX_DIGITS);
  return dropped <= 0 ? unscaled : rounding(unscaled, dropped) * 10n ** BigInt(dropped);
}
