// LIKE and ILIKE, with the pattern's escape as an optional third argument (`\` without it, none when it is empty).
import { DbError } from "../../../base/errors.ts";
import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { characters } from "../text/code-points.ts";
import { compileLike, DEFAULT_ESCAPE } from "./like-pattern.ts";

function matcherOf(fold: (text: string) => string): (pattern: string, escape: string) => (text: string) => boolean {
  return (pattern, escape) => {
    if (characters(escape).length > 1) {
      throw new DbError("SQL_EXECUTION_ERROR", "invalid escape string: it must be empty or one character");
    }
    const matches = compileLike(fold(pattern), fold(escape));
    return (text) => matches(fold(text));
  };
}

function likeFunction(name: string, fold: (text: string) => string): FunctionDefinition {
  const prepare = (): ((text: string, pattern: string, escape?: string) => boolean) => {
    const matcher = memoizeLast((pattern = "", escape = DEFAULT_ESCAPE) => matcherOf(fold)(pattern, escape));
    return (text, pattern, escape = DEFAULT_ESCAPE) => matcher(pattern, escape)(text);
  };
  return defineFunction(name, [
    preparedOverload(["text", "text"], BOOLEAN, prepare),
    preparedOverload(["text", "text", "text"], BOOLEAN, prepare),
  ]);
}

export const like = likeFunction("like", (text) => text);
export const ilike = likeFunction("ilike", (text) => text.toLowerCase());
