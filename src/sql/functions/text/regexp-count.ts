import { INT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { matchesFrom, regexpMaker } from "./regexp.ts";

function count(regexp: RegExp, text: string, start: number): number {
  let found = 0;
  for (const _match of matchesFrom(regexp, text, start)) found += 1;
  return found;
}

export const regexpCount = defineFunction(
  "regexp_count",
  [
    preparedOverload(["text", "text"], INT, () => {
      const regexp = regexpMaker();
      return (text, pattern) => count(regexp(pattern, ""), text, 1);
    }),
    preparedOverload(["text", "text", "int"], INT, () => {
      const regexp = regexpMaker();
      return (text, pattern, start) => count(regexp(pattern, ""), text, start);
    }),
    preparedOverload(["text", "text", "int", "text"], INT, () => {
      const regexp = regexpMaker();
      return (text, pattern, start, options) => count(regexp(pattern, options), text, start);
    }),
  ],
  { bounded: false },
);
