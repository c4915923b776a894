import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { codePointLength, codePointSlice } from "./code-points.ts";

/** The last n characters; all but the first -n when n is negative. */
export const right = defineFunction("right", [
  overload(["text", "int"], TEXT, (text, count) =>
    codePointSlice(text, count < 0 ? -count : codePointLength(text) - count, text.length),
  ),
]);
