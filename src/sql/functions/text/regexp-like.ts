import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { nthMatch, regexpMaker } from "./regexp.ts";

const FIRST = { start: 1, n: 1 };

export const regexpLike = defineFunction(
  "regexp_like",
  [
    preparedOverload(["text", "text"], BOOLEAN, () => {
      const regexp = regexpMaker();
      return (text, pattern) => nthMatch(regexp(pattern, ""), text, FIRST) !== undefined;
    }),
    preparedOverload(["text", "text", "text"], BOOLEAN, () => {
      const regexp = regexpMaker();
      return (text, pattern, options) => nthMatch(regexp(pattern, options), text, FIRST) !== undefined;
    }),
  ],
  { bounded: false },
);
