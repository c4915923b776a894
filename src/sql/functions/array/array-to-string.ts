import { cellsOfArray } from "../../../model/array.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { inTextLimit } from "../text/limit.ts";

/** Of an array of text, which the binder makes of any other; NULLs are left out unless there is text for them. */
export const arrayToString = defineFunction("array_to_string", [
  overload(["array", "text"], TEXT, (array, separator) =>
    inTextLimit(
      cellsOfArray(array, "text")
        .filter((cell) => cell !== null)
        .join(separator),
    ),
  ),
  overload(["array", "text", "text"], TEXT, (array, separator, forNull) =>
    inTextLimit(
      cellsOfArray(array, "text")
        .map((cell) => cell ?? forNull)
        .join(separator),
    ),
  ),
]);
