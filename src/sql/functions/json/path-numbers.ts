// Numbers of JSON documents as a path computes with them: exact, as PostgreSQL's numeric.
import { DbError } from "../../../base/errors.ts";
import { formatDecimal, rescale } from "../../../model/decimal.ts";
import type { ArithmeticOp } from "./path-syntax.ts";

interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?$/;
/** PostgreSQL's minimum of significant digits of a quotient. */
const MIN_QUOTIENT_DIGITS = 16;
/** Digits of a result; more are an attack. */
const MAX_DIGITS = 2_000;

export function isNumberText(text: string): boolean {
  return NUMBER.test(text);
}

function decimalOf(text: string): Decimal {
  const [, sign = "", whole = "0", fraction = ""] = NUMBER.exec(text) ?? [];
  if (text.length > MAX_DIGITS) throw tooLarge();
  return { unscaled: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length };
}

function tooLarge(): DbError {
  return new DbError("SQL_EXECUTION_ERROR", "value overflows numeric format");
}

export function compareNumbers(a: string, b: string): number {
  const [left, right] = aligned(decimalOf(a), decimalOf(b));
  return left < right ? -1 : left > right ? 1 : 0;
}

function aligned(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [rescale(a.unscaled, a.scale, scale), rescale(b.unscaled, b.scale, scale), scale];
}

export function calculate(op: ArithmeticOp, a: string, b: string): string {
  const [x, y] = [decimalOf(a), decimalOf(b)];
  const [left, right, scale] = aligned(x, y);
  switch (op) {
    case "+":
      return formatDecimal(left + right, scale);
    case "-":
      return formatDecimal(left - right, scale);
    case "*":
      return formatDecimal(x.unscaled * y.unscaled, x.scale + y.scale);
    default:
      if (y.unscaled === 0n) throw new DbError("SQL_EXECUTION_ERROR", "division by zero");
      return op === "%" ? formatDecimal(left % right, scale) : quotient(x, y);
  }
}

function quotient(x: Decimal, y: Decimal): string {
  const scale = Math.max(x.scale, y.scale, MIN_QUOTIENT_DIGITS);
  const [top, bottom] = [x.unscaled * 10n ** BigInt(scale + y.scale), y.unscaled * 10n ** BigInt(x.scale)];
  const [size, by] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
  const rounded = (size + by / 2n) / by;
  return formatDecimal(top < 0n === bottom < 0n ? rounded : -rounded, scale);
}

export function negated(text: string): string {
  const { unscaled, scale } = decimalOf(text);
  return formatDecimal(-unscaled, scale);
}

export function rounded(text: string, how: "ceiling" | "floor" | "abs"): string {
  const { unscaled, scale } = decimalOf(text);
  if (how === "abs") return formatDecimal(unscaled < 0n ? -unscaled : unscaled, scale);
  const unit = 10n ** BigInt(scale);
  const cut = unscaled / unit;
  const isExact = cut * unit === unscaled;
  if (isExact || unscaled < 0n === (how === "ceiling")) return String(cut);
  return String(how === "ceiling" ? cut + 1n : cut - 1n);
}

/** The part before the point, as a place in an array; undefined when there is no array so long. */
export function placeOf(text: string): number | undefined {
  const { unscaled, scale } = decimalOf(text);
  const whole = Number(unscaled / 10n ** BigInt(scale));
  return Number.isSafeInteger(whole) ? whole : undefined;
}
