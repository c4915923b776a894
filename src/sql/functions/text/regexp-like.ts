import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction } from "../definition.ts";
import { nthMatch, regexpOverload } from "./regexp.ts";

const FIRST = { start: 1, n: 1 };

export const regexpLike = defineFunction(
  "regexp_like",
  [
    regexpOverload(
      ["text", "text"],
      BOOLEAN,
      (regexp) => (text, pattern) => nthMatch(regexp(pattern, ""), text, FIRST) !== undefined,
    ),
    regexpOverload(
      ["text", "text", "text"],
      BOOLEAN,
      (regexp) => (text, pattern, options) => nthMatch(regexp(pattern, options), text, FIRST) !== undefined,
    ),
  ],
  { bounded: false },
);
