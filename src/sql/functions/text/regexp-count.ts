import { INT } from "../../../model/sql-type.ts";
import { defineFunction } from "../definition.ts";
import { matchesFrom, regexpOverload } from "./regexp.ts";

function count(regexp: RegExp, text: string, start: number): number {
  let found = 0;
  for (const _match of matchesFrom(regexp, text, start)) found += 1;
  return found;
}

export const regexpCount = defineFunction(
  "regexp_count",
  [
    regexpOverload(["text", "text"], INT, (regexp) => (text, pattern) => count(regexp(pattern, ""), text, 1)),
    regexpOverload(
      ["text", "text", "int"],
      INT,
      (regexp) => (text, pattern, start) => count(regexp(pattern, ""), text, start),
    ),
    regexpOverload(
      ["text", "text", "int", "text"],
      INT,
      (regexp) => (text, pattern, start, options) => count(regexp(pattern, options), text, start),
    ),
  ],
  { bounded: false },
);
