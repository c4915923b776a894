import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { codePointSlice } from "./code-points.ts";

/** Positions count from 1; a start before the text uses up length. */
function slice(text: string, start: number, length: number): string {
  if (length < 0) throw new DbError("SQL_EXECUTION_ERROR", "negative substring length not allowed");
  return codePointSlice(text, start - 1, start - 1 + length);
}

export const substring = defineFunction("substring", [
  overload(["text", "int"], TEXT, (text, start) => codePointSlice(text, start - 1, text.length)),
  overload(["text", "int", "int"], TEXT, slice),
]);

export const substr = alias("substr", substring);
