import { DbError } from "../../../base/errors.ts";
import { formatDecimal, MAX_PRECISION, parseDecimal, rescale } from "../../../model/decimal.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { scaleOf } from "../decimal-types.ts";
import { type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { formatNumber, fractionDigits, parseNumberPattern } from "./number-pattern.ts";

/** Digits of a double that mean something. */
const DOUBLE_DIGITS = 15;

function shown(unscaled: bigint, scale: number, pattern: ReturnType<typeof parseNumberPattern>): string {
  const rounded = rescale(unscaled, scale, fractionDigits(pattern));
  const text = formatDecimal(rounded < 0n ? -rounded : rounded, fractionDigits(pattern));
  const [whole = "", fraction = ""] = text.split(".");
  return formatNumber(pattern, { whole, fraction, negative: rounded < 0n });
}

/** Overloads of `to_char`. */
export const numbersToChar: readonly Overload[] = [
  preparedOverload(["decimal", "text"], TEXT, ([type]) => {
    const patternOf = memoizeLast((text = "") => parseNumberPattern(text));
    return (value, text) => shown(value, scaleOf(type), patternOf(text));
  }),
  preparedOverload(["bigint", "text"], TEXT, () => {
    const patternOf = memoizeLast((text = "") => parseNumberPattern(text));
    return (value, text) => shown(value, 0, patternOf(text));
  }),
  preparedOverload(["double", "text"], TEXT, () => {
    const patternOf = memoizeLast((text = "") => parseNumberPattern(text));
    return (value, text) => {
      const pattern = patternOf(text);
      if (!Number.isFinite(value)) throw new DbError("UNSUPPORTED", "to_char of infinity is not supported");
      const wholeDigits = String(Math.trunc(Math.abs(value))).length;
      const scale = Math.max(0, Math.min(fractionDigits(pattern), DOUBLE_DIGITS - wholeDigits));
      return shown(parseDecimal(value.toFixed(scale), MAX_PRECISION, scale), scale, pattern);
    };
  }),
];
