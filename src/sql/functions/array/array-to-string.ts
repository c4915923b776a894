import { cellsOfArray } from "../../../model/array.ts";
import { type Cell, TEXT } from "../../../model/sql-type.ts";
import { defineFunction } from "../definition.ts";
import { assertTextLength } from "../text/limit.ts";

const ARGUMENTS = [
  ["array", "text"],
  ["array", "text", "text"],
] as const;

/** The length first: a long separator between many short elements is more than memory holds. */
function joined(texts: readonly string[], separator: string): string {
  const between = Math.max(0, texts.length - 1) * separator.length;
  assertTextLength(texts.reduce((length, text) => length + text.length, between));
  return texts.join(separator);
}

function textsOf(array: string): readonly (string | null)[] {
  return cellsOfArray(array, "text").map((cell) => (cell === null ? null : String(cell)));
}

/** NULLs are left out unless there is text for them. */
function arrayText(array: Cell, separator: Cell, forNull: Cell): Cell {
  if (array === null || separator === null) return null;
  const texts = textsOf(String(array)).flatMap((text) => text ?? (forNull === null ? [] : String(forNull)));
  return joined(texts, String(separator));
}

/** Of an array of text, which the binder makes of any other. */
export const arrayToString = defineFunction(
  "array_to_string",
  ARGUMENTS.map((args) => ({
    args,
    variadic: false,
    returns: () => TEXT,
    prepare:
      () =>
      (array: Cell = null, separator: Cell = null, forNull: Cell = null) =>
        arrayText(array, separator, forNull),
    sqlite: undefined,
  })),
  { strict: false },
);
