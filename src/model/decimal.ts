// Exact decimals. In memory a bigint (unscaled), in SQLite a TEXT that sorts as the number does, so that comparison, ORDER BY, MIN, MAX,
// DISTINCT and indexes need no function call. SQLite has no decimal type and REAL would round.
import { DbError } from "../base/errors.ts";

export const MAX_PRECISION = 38;
const DIGITS = MAX_PRECISION + 1;
const COMPLEMENT = 10n ** BigInt(DIGITS);
const DECIMAL = /^\s*([+-]?)(?=[.\d])(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?\s*$/;

/** Text → unscaled value at `scale`, rounding half away from zero as PostgreSQL does. */
export function parseDecimal(text: string, precision: number, scale: number): bigint {
  const match = DECIMAL.exec(text);
  const [, sign = "", whole = "", fraction = "", exponentText = "0"] = match ?? [];
  if (!match || (whole === "" && fraction === "")) {
    throw new DbError("INVALID_VALUE", `invalid input syntax for type decimal: ${JSON.stringify(text)}`);
  }
  const exponent = Number(exponentText);
  // Digits past what any decimal can hold would only cost time: 10^9999 must not build a bigint of that size.
  if (Math.abs(exponent) > 2 * DIGITS + whole.length + fraction.length) {
    if (exponent < 0 || /^0*$/.test(whole + fraction)) return 0n;
    throw overflow(text, precision, scale);
  }
  const unscaled = rescale(BigInt(whole + fraction), fraction.length - exponent, scale);
  const value = sign === "-" ? -unscaled : unscaled;
  if (unscaled >= 10n ** BigInt(precision)) throw overflow(text, precision, scale);
  return value;
}

/** How many fraction digits the number in a text needs; undefined where it is none. */
export function scaleOfText(text: string): number | undefined {
  const [, , whole = "", fraction = "", exponent = "0"] = DECIMAL.exec(text) ?? [];
  const digits = (whole + fraction).replace(/0+$/, "");
  if (whole === "" && fraction === "") return undefined;
  if (digits === "") return 0;
  return Math.max(0, digits.length - whole.length - Number(exponent));
}

function overflow(text: string, precision: number, scale: number): DbError {
  return new DbError("INVALID_VALUE", `value ${text} is out of range for type decimal(${precision},${scale})`);
}

/** Moves an unscaled value from one scale to another, rounding half away from zero. */
export function rescale(unscaled: bigint, fromScale: number, toScale: number): bigint {
  if (toScale >= fromScale) return unscaled * 10n ** BigInt(toScale - fromScale);
  const divisor = 10n ** BigInt(fromScale - toScale);
  const half = divisor / 2n;
  return (unscaled < 0n ? unscaled - half : unscaled + half) / divisor;
}

/** Exactly `scale` fraction digits; the sign is kept below one. */
export function formatDecimal(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Fixed-width text whose byte order is the numeric order of values of one scale. */
export function toSortableText(unscaled: bigint): string {
  if (unscaled >= 0n) return `1${unscaled.toString().padStart(DIGITS, "0")}`;
  return `0${(COMPLEMENT + unscaled).toString().padStart(DIGITS, "0")}`;
}

export function fromSortableText(text: string): bigint {
  const digits = BigInt(text.slice(1));
  return text.startsWith("1") ? digits : digits - COMPLEMENT;
}
