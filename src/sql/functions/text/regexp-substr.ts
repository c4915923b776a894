// regexp_substr: the text of the nth match, or of one of its groups.
import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction } from "../definition.ts";
import { nthMatch, regexpOverload } from "./regexp.ts";

interface Wanted {
  readonly start: number;
  readonly n: number;
  readonly group: number;
}

function found(regexp: RegExp, text: string, { start, n, group }: Wanted): string | null {
  if (group < 0) throw new DbError("SQL_EXECUTION_ERROR", `invalid value for parameter "subexpr": ${group}`);
  return nthMatch(regexp, text, { start, n })?.[group] ?? null;
}

export const regexpSubstr = defineFunction(
  "regexp_substr",
  [
    regexpOverload(
      ["text", "text"],
      TEXT,
      (regexp) => (text, pattern) => found(regexp(pattern, ""), text, { start: 1, n: 1, group: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int"],
      TEXT,
      (regexp) => (text, pattern, start) => found(regexp(pattern, ""), text, { start, n: 1, group: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int", "int"],
      TEXT,
      (regexp) => (text, pattern, start, n) => found(regexp(pattern, ""), text, { start, n, group: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int", "int", "text"],
      TEXT,
      (regexp) => (text, pattern, start, n, options) => found(regexp(pattern, options), text, { start, n, group: 0 }),
    ),
    regexpOverload(
      ["text", "text", "int", "int", "text", "int"],
      TEXT,
      (regexp) => (text, pattern, start, n, options, group) =>
        found(regexp(pattern, options), text, { start, n, group }),
    ),
  ],
  { bounded: false },
);
