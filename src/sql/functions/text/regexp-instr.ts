// regexp_instr: the character (from 1) where the nth match starts, or after which it ends; 0 without one.
import { DbError } from "../../../base/errors.ts";
import { INT } from "../../../model/sql-type.ts";
import { defineFunction } from "../definition.ts";
import { codePointLength } from "./code-points.ts";
import { nthMatch, regexpOverload } from "./regexp.ts";

function placeOf(regexp: RegExp, text: string, { start, n, end }: { start: number; n: number; end: number }): number {
  if (end !== 0 && end !== 1) {
    throw new DbError("SQL_EXECUTION_ERROR", `invalid value for parameter "endoption": ${end}`);
  }
  const match = nthMatch(regexp, text, { start, n });
  if (match === undefined) return 0;
  return codePointLength(text.slice(0, match.index + (end === 1 ? match[0].length : 0))) + 1;
}

export const regexpInstr = defineFunction(
  "regexp_instr",
  [
    regexpOverload(
      ["text", "text"],
      INT,
      (regexp) => (text, pattern) => placeOf(regexp(pattern, ""), text, { start: 1, n: 1, end: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int"],
      INT,
      (regexp) => (text, pattern, start) => placeOf(regexp(pattern, ""), text, { start, n: 1, end: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int", "int"],
      INT,
      (regexp) => (text, pattern, start, n) => placeOf(regexp(pattern, ""), text, { start, n, end: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int", "int", "int"],
      INT,
      (regexp) => (text, pattern, start, n, end) => placeOf(regexp(pattern, ""), text, { start, n, end }),
    ),
    regexpOverload(
      ["text", "text", "int", "int", "int", "text"],
      INT,
      (regexp) => (text, pattern, start, n, end, options) => placeOf(regexp(pattern, options), text, { start, n, end }),
    ),
  ],
  { bounded: false },
);
