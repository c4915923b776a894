import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { codePointLength, codePointSlice } from "./code-points.ts";
import { inTextLimit } from "./limit.ts";

/** `length` characters from `start` (counted from 1) make room for `part`. */
function overlaid(text: string, part: string, start: number, length: number): string {
  if (start <= 0) throw new DbError("SQL_EXECUTION_ERROR", "negative substring length not allowed");
  const rest = codePointSlice(text, start - 1 + length, text.length);
  return inTextLimit(codePointSlice(text, 0, start - 1) + part + rest);
}

export const overlay = defineFunction("overlay", [
  overload(["text", "text", "int"], TEXT, (text, part, start) => overlaid(text, part, start, codePointLength(part))),
  overload(["text", "text", "int", "int"], TEXT, overlaid),
]);
