import { cellsOfArray } from "../../../model/array.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { assertTextLength } from "../text/limit.ts";

/** The length first: a long separator between many short elements is more than memory holds. */
function joined(texts: readonly string[], separator: string): string {
  const between = Math.max(0, texts.length - 1) * separator.length;
  assertTextLength(texts.reduce((length, text) => length + text.length, between));
  return texts.join(separator);
}

function textsOf(array: string): readonly (string | null)[] {
  return cellsOfArray(array, "text").map((cell) => (cell === null ? null : String(cell)));
}

/** Of an array of text, which the binder makes of any other; NULLs are left out unless there is text for them. */
export const arrayToString = defineFunction("array_to_string", [
  overload(["array", "text"], TEXT, (array, separator) =>
    joined(
      textsOf(array).filter((text) => text !== null),
      separator,
    ),
  ),
  overload(["array", "text", "text"], TEXT, (array, separator, forNull) =>
    joined(
      textsOf(array).map((text) => text ?? forNull),
      separator,
    ),
  ),
]);
