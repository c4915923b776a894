// Numbers as untrusted input gives them: integers of a width, and floating-point numbers.
import { DbError } from "../base/errors.ts";
import type { Cell } from "./sql-type.ts";

export type Present = Exclude<Cell, null>;

export function quoted(input: Present): string {
  return typeof input === "bigint" || typeof input === "number" || typeof input === "boolean"
    ? String(input)
    : JSON.stringify(input);
}

export function mismatch(what: string, input: Present): DbError {
  return new DbError("INVALID_VALUE", `invalid input syntax for type ${what}: ${quoted(input)}`);
}

export function integer(what: string, min: bigint, max: bigint): (input: Present) => bigint {
  return (input) => {
    let value: bigint;
    if (typeof input === "bigint") value = input;
    else if (typeof input === "number" && Number.isInteger(input)) value = BigInt(input);
    else if (typeof input === "number" && Number.isFinite(input)) value = BigInt(Math.round(input));
    else if (typeof input === "string" && /^\s*[+-]?\d{1,40}\s*$/.test(input))
      value = BigInt(input.trim().replace(/^\+/, ""));
    else throw mismatch(what, input);
    if (value < min || value > max) {
      throw new DbError("INVALID_VALUE", `value ${quoted(input)} is out of range for type ${what}`);
    }
    return value;
  };
}

/** There is one way to match each text: where there are several, a text that does not match takes the square of its length. */
const FLOAT_TEXT = /^\s*([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)|nan)\s*$/i;

export function float(what: string, round: (value: number) => number): (input: Present) => number {
  return (input) => {
    if (typeof input === "number") return round(input);
    if (typeof input === "bigint") return round(Number(input));
    if (typeof input !== "string" || !FLOAT_TEXT.test(input)) throw mismatch(what, input);
    const text = input.trim().toLowerCase();
    if (text === "nan") return Number.NaN;
    if (text.includes("inf")) return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const value = round(Number(text));
    if (Number.isFinite(value)) return value;
    throw new DbError("INVALID_VALUE", `${JSON.stringify(input)} is out of range for type ${what}`);
  };
}
