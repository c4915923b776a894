// regexp_match, regexp_matches and regexp_split_to_array: what a pattern matches, or what lies between.
import { DbError } from "../../../base/errors.ts";
import { arrayOfCells } from "../../../model/array.ts";
import { arrayOf, type SqlType, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { matchesFrom, regexpMaker, regexpOverload } from "./regexp.ts";

const TEXTS: SqlType = arrayOf(TEXT);

/** Its groups, or all of it where the pattern has none. */
function groups(match: RegExpExecArray): string {
  return arrayOfCells(match.length === 1 ? [match[0]] : match.slice(1).map((group) => group ?? null), "text");
}

function first(regexp: RegExp, text: string): string | null {
  for (const match of matchesFrom(regexp, text, 1)) return groups(match);
  return null;
}

function noGlobal(name: string, options: string): string {
  if (!options.includes("g")) return options;
  const hint = name === "regexp_match" ? { hint: "Use the regexp_matches function instead." } : {};
  throw new DbError("SQL_EXECUTION_ERROR", `${name}() does not support the "global" option`, hint);
}

export const regexpMatch = defineFunction(
  "regexp_match",
  [
    regexpOverload(["text", "text"], TEXTS, (regexp) => (text, pattern) => first(regexp(pattern, ""), text)),
    regexpOverload(
      ["text", "text", "text"],
      TEXTS,
      (regexp) => (text, pattern, options) => first(regexp(pattern, noGlobal("regexp_match", options)), text),
    ),
  ],
  { bounded: false },
);

/** A JSON list of arrays, for the rows of regexp_matches. */
export const regexpMatchRows = defineFunction(
  "regexp_match_rows",
  [
    preparedOverload(["text", "text", "text"], TEXT, () => {
      const regexp = regexpMaker(true);
      return (text, pattern, options) => {
        const found: string[] = [];
        for (const match of matchesFrom(regexp(pattern, options), text, 1)) {
          found.push(groups(match));
          if (!options.includes("g")) break;
        }
        return JSON.stringify(found);
      };
    }),
  ],
  { bounded: false },
);

/** An empty match at the start, at the end or beside the last one parts nothing. */
function parts(regexp: RegExp, text: string): string {
  const found: string[] = [];
  let end = 0;
  for (const match of matchesFrom(regexp, text, 1)) {
    const isEmpty = match[0] === "";
    if (isEmpty && (match.index === end || match.index >= text.length)) continue;
    found.push(text.slice(end, match.index));
    end = match.index + match[0].length;
  }
  found.push(text.slice(end));
  return arrayOfCells(found, "text");
}

export const regexpSplitToArray = defineFunction(
  "regexp_split_to_array",
  [
    regexpOverload(["text", "text"], TEXTS, (regexp) => (text, pattern) => parts(regexp(pattern, ""), text)),
    regexpOverload(
      ["text", "text", "text"],
      TEXTS,
      (regexp) => (text, pattern, options) => parts(regexp(pattern, noGlobal("regexp_split_to_array", options)), text),
    ),
  ],
  { bounded: false },
);
