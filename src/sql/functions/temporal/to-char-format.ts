// What the formats of to_char for timestamps and for intervals share: text in double quotes, `FM` before a pattern, `TH` behind a number, every other character as it is.
import { DbError } from "../../../base/errors.ts";
import { memoizeLast } from "../memoize-last.ts";

const MAX_FORMAT_LENGTH = 500;

export interface Field<Value> {
  /** `fill`: padded to the width of the pattern. */
  readonly text: (value: Value, fill: boolean) => string;
  /** May have TH or th behind it. */
  readonly isNumber: boolean;
}

/** The pattern that starts at a place of the format; undefined where there is none. */
export type PatternAt<Value> = (
  format: string,
  at: number,
) => { readonly field: Field<Value>; readonly length: number } | undefined;

type Piece<Value> = (value: Value) => string;

function ordinal(digits: string): string {
  if (/1[1-3]$/.test(digits)) return "th";
  const last = digits.at(-1);
  return last === "1" ? "st" : last === "2" ? "nd" : last === "3" ? "rd" : "th";
}

function pieceOf<Value>(field: Field<Value>, fill: boolean, suffix: string): Piece<Value> {
  if (suffix === "") return (value) => field.text(value, fill);
  return (value) => {
    const text = field.text(value, fill);
    return text + (suffix === "TH" ? ordinal(text).toUpperCase() : ordinal(text));
  };
}

function compileFormat<Value>(format: string, patternAt: PatternAt<Value>): readonly Piece<Value>[] {
  if (format.length > MAX_FORMAT_LENGTH) {
    throw new DbError("SQL_EXECUTION_ERROR", `to_char format is too long: at most ${MAX_FORMAT_LENGTH} characters`);
  }
  const pieces: Piece<Value>[] = [];
  let at = 0;
  while (at < format.length) {
    const quoted = /^"([^"]*)"?/.exec(format.slice(at));
    if (quoted !== null) {
      const text = quoted[1] ?? "";
      pieces.push(() => text);
      at += quoted[0].length;
      continue;
    }
    const fill = !/^FM/i.test(format.slice(at, at + 2));
    const start = fill ? at : at + 2;
    const pattern = patternAt(format, start);
    if (pattern === undefined) {
      const own = format.charAt(start);
      pieces.push(() => own);
      at = start + 1;
      continue;
    }
    at = start + pattern.length;
    const suffix = pattern.field.isNumber ? (/^(TH|th)/.exec(format.slice(at))?.[0] ?? "") : "";
    at += suffix.length;
    pieces.push(pieceOf(pattern.field, fill, suffix));
  }
  return pieces;
}

/** Keeps the last format compiled: one per call site. */
export function formatter<Value>(patternAt: PatternAt<Value>): (value: Value, format: string) => string {
  const pieces = memoizeLast((format = "") => compileFormat(format, patternAt));
  return (value, format) =>
    pieces(format)
      .map((piece) => piece(value))
      .join("");
}
