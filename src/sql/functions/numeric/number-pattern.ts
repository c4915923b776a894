// to_char of numbers: `9 0 . D , G`, `FM`, and a sign by `S`, `MI`, `PL`, `SG` or `PR` at either end. Another pattern is refused.
import { DbError } from "../../../base/errors.ts";

const MAX_PATTERN_LENGTH = 200;

interface NumberPattern {
  readonly fills: boolean;
  readonly sign: "none" | "S" | "MI" | "SG" | "PR";
  readonly signLeads: boolean;
  /** Digits and group separators before the point. */
  readonly whole: string;
  readonly fraction: string;
  readonly hasPoint: boolean;
}

export function parseNumberPattern(pattern: string): NumberPattern {
  const match = /^(FM)?(SG|S|MI)?([90,G]*)(?:([.D])([90]*))?(SG|S|MI|PR)?$/i.exec(pattern);
  const [, fm, leading, whole = "", point, fraction = "", trailing] = match ?? [];
  const isKnown =
    match !== null && pattern.length <= MAX_PATTERN_LENGTH && (leading === undefined || trailing === undefined);
  if (!isKnown || !/[90]/.test(whole + fraction)) {
    throw new DbError(
      "UNSUPPORTED",
      `to_char pattern ${JSON.stringify(pattern.slice(0, 50))} is not supported for numbers`,
      {
        hint: "Number patterns have 9, 0, a point, commas, FM, and S, MI, SG or PR for the sign.",
      },
    );
  }
  const sign = (leading ?? trailing ?? "none").toUpperCase();
  return {
    fills: fm === undefined,
    sign: sign === "S" || sign === "MI" || sign === "SG" || sign === "PR" ? sign : "none",
    signLeads: leading !== undefined,
    whole: whole.toUpperCase().replaceAll("G", ","),
    fraction,
    hasPoint: point !== undefined,
  };
}

export function fractionDigits({ fraction }: NumberPattern): number {
  return fraction.length;
}

/** Digits laid under the whole part, blanks and separators before the first of them left out. */
function layWhole(whole: string, digits: string): string {
  const places = whole.replaceAll(",", "").length;
  if (digits.length > places) return whole.replaceAll(/[90]/g, "#");
  const padded = digits.padStart(places, " ");
  const firstZero = whole.replaceAll(",", "").indexOf("0");
  let [text, at, started] = ["", 0, false];
  for (const mark of whole) {
    if (mark === ",") {
      text += started ? "," : " ";
      continue;
    }
    const digit = padded.charAt(at);
    started ||= digit !== " " || (firstZero >= 0 && at >= firstZero);
    text += digit !== " " ? digit : started ? "0" : " ";
    at += 1;
  }
  return text;
}

/** `digits` is the absolute value, rounded to the pattern's fraction digits, without a leading zero before the point. */
export function formatNumber(
  pattern: NumberPattern,
  { whole, fraction, negative }: { whole: string; fraction: string; negative: boolean },
): string {
  const significant = whole.replace(/^0+/, "");
  // A lone zero shows only where nothing else would.
  const shown = significant === "" && pattern.fraction === "" ? "0" : significant;
  let number = layWhole(pattern.whole, shown);
  const overflows = number.includes("#");
  let decimals = overflows ? pattern.fraction.replaceAll(/[90]/g, "#") : fraction;
  if (!pattern.fills && !overflows) {
    const kept = pattern.fraction.lastIndexOf("0") + 1;
    decimals = decimals.slice(0, kept) + decimals.slice(kept).replace(/0+$/, "");
  }
  if (pattern.hasPoint) decimals = `.${decimals}`;
  if (!pattern.fills) number = number.trimStart();
  return withSign(pattern, number, { decimals, negative });
}

function withSign(
  pattern: NumberPattern,
  number: string,
  { decimals, negative }: { decimals: string; negative: boolean },
): string {
  const { fills, sign, signLeads } = pattern;
  const blanks = /^ */.exec(number)?.[0] ?? "";
  const own = number.slice(blanks.length) + decimals;
  const minus = negative ? "-" : "+";
  const lone = negative ? "-" : fills ? " " : "";
  switch (sign) {
    case "none":
      return `${blanks}${lone}${own}`;
    case "S":
      return signLeads ? `${blanks}${minus}${own}` : `${blanks}${own}${minus}`;
    case "SG":
      return signLeads ? `${minus}${blanks}${own}` : `${blanks}${own}${minus}`;
    case "MI":
      return signLeads ? `${lone}${blanks}${own}` : `${blanks}${own}${lone}`;
    case "PR":
      if (negative) return `${blanks}<${own}>`;
      return fills ? `${blanks} ${own} ` : own;
  }
}
