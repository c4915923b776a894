// regexp_replace: the first match, the nth, or all of them.
import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { inTextLimit } from "./limit.ts";
import { matchesFrom, regexpMaker, regexpOverload, substituted } from "./regexp.ts";

interface Replacing {
  readonly text: string;
  readonly replacement: string;
  readonly start: number;
  /** Which match, from 1; 0 is every one. */
  readonly n: number;
}

function replaced(regexp: RegExp, { text, replacement, start, n }: Replacing): string {
  if (n < 0) throw new DbError("SQL_EXECUTION_ERROR", `invalid value for parameter "n": ${n}`);
  let [result, end, count] = ["", 0, 0];
  for (const match of matchesFrom(regexp, text, start)) {
    count += 1;
    if (n > 0 && count < n) continue;
    result = inTextLimit(result + text.slice(end, match.index) + substituted(replacement, match));
    end = match.index + match[0].length;
    if (n > 0) break;
  }
  return inTextLimit(result + text.slice(end));
}

export const regexpReplace = defineFunction(
  "regexp_replace",
  [
    regexpOverload(
      ["text", "text", "text"],
      TEXT,
      (regexp) => (text, pattern, replacement) => replaced(regexp(pattern, ""), { text, replacement, start: 1, n: 1 }),
    ),
    preparedOverload(["text", "text", "text", "text"], TEXT, () => {
      const regexp = regexpMaker(true);
      return (text, pattern, replacement, options) =>
        replaced(regexp(pattern, options), { text, replacement, start: 1, n: options.includes("g") ? 0 : 1 });
    }),
    regexpOverload(
      ["text", "text", "text", "int"],
      TEXT,
      (regexp) => (text, pattern, replacement, start) =>
        replaced(regexp(pattern, ""), { text, replacement, start, n: 1 }),
    ),
    regexpOverload(
      ["text", "text", "text", "int", "int"],
      TEXT,
      (regexp) => (text, pattern, replacement, start, n) =>
        replaced(regexp(pattern, ""), { text, replacement, start, n }),
    ),
    preparedOverload(["text", "text", "text", "int", "int", "text"], TEXT, () => {
      const regexp = regexpMaker(true);
      return (text, pattern, replacement, start, n, options) =>
        replaced(regexp(pattern, options), { text, replacement, start, n });
    }),
  ],
  { bounded: false },
);
