const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** A longer exponent is compared as it is written: no such number is anything but an attack. */
const MAX_EXPONENT_LENGTH = 12;

/** Digits [from, to) without leading and trailing zeros. */
function significantRange(digits: string): { readonly from: number; readonly to: number } {
  let [from, to] = [0, digits.length];
  while (from < to && digits[from] === "0") from += 1;
  while (to > from && digits[to - 1] === "0") to -= 1;
  return { from, to };
}

/** One spelling for equal numbers, however they are written: `1`, `1.0` and `10e-1` are equal in jsonb. Exact at any size. */
export function canonicalNumber(text: string): string {
  const match = NUMBER.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  if (match === null || exponent.length > MAX_EXPONENT_LENGTH) return text;
  const digits = whole + fraction;
  const { from, to } = significantRange(digits);
  if (from === to) return "0";
  return `${sign}${digits.slice(from, to)}e${Number(exponent) - fraction.length + (digits.length - to)}`;
}
