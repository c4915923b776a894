import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { codePointLength, codePointSlice } from "./code-points.ts";

/** The first n characters; all but the last -n when n is negative. */
export const left = defineFunction("left", [
  overload(["text", "int"], TEXT, (text, count) =>
    codePointSlice(text, 0, count < 0 ? codePointLength(text) + count : count),
  ),
]);
