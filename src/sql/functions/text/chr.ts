import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

function character(code: number): string {
  if (code === 0) throw new DbError("SQL_EXECUTION_ERROR", "null character not permitted");
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < 0 || code > 0x10ffff || isSurrogate) {
    throw new DbError("SQL_EXECUTION_ERROR", `requested character not valid for encoding: ${code}`);
  }
  return String.fromCodePoint(code);
}

export const chr = defineFunction("chr", [overload(["int"], TEXT, character)]);
