// SQL's own regular expressions, as JavaScript's: SIMILAR TO and `substring(x SIMILAR p ESCAPE e)`. The whole text must match; `%` is any text, `_` any character.
import { DbError } from "../../../base/errors.ts";
import { BOOLEAN, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { compileRegexp } from "./regexp.ts";

const ESCAPED_IN_REGEXP = /[.^$\\/]/;

interface Translated {
  /** The parts that an escaped double quote divides the pattern into. */
  readonly parts: readonly string[];
}

function assertEscape(escape: string): void {
  if (Array.from(escape).length <= 1) return;
  throw new DbError("SQL_EXECUTION_ERROR", "invalid escape string", {
    hint: "Escape string must be empty or one character.",
  });
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

/** One character outside brackets and not escaped. */
function translated(character: string): string {
  if (character === "%") return ".*";
  if (character === "_") return ".";
  if (character === "(") return "(?:";
  return ESCAPED_IN_REGEXP.test(character) ? `\\${character}` : character;
}

function translate(pattern: string, escape: string): Translated {
  assertEscape(escape);
  const parts = [""];
  const add = (text: string): void => {
    parts[parts.length - 1] = (parts.at(-1) ?? "") + text;
  };
  const symbols = Array.from(pattern);
  let inBrackets = false;
  for (let at = 0; at < symbols.length; at += 1) {
    const character = symbols[at] ?? "";
    if (character === escape) {
      at += 1;
      const next = symbols[at];
      if (next === '"') parts.push("");
      else if (next !== undefined) add(literal(next));
    } else if (inBrackets) {
      inBrackets = character !== "]";
      add(character === "\\" ? "\\\\" : character);
    } else {
      inBrackets = character === "[";
      add(translated(character));
    }
  }
  return { parts };
}

function wholeText(pattern: string, escape: string): RegExp {
  const { parts } = translate(pattern, escape);
  return compileRegexp(`^(?:${parts.join("")})$`, "us");
}

/** Quantifiers that take as little as they can. */
function lazy(part: string): string {
  return part.replaceAll(/(?<!\\)([*+?}])(?![?:])/g, "$1?");
}

function middle(pattern: string, escape: string): RegExp {
  const { parts } = translate(pattern, escape);
  const [before = "", inside, after] = parts;
  if (parts.length === 1) return compileRegexp(`^(${before})$`, "us");
  if (parts.length !== 3) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      "SQL regular expression must contain exactly two escape-double-quote separators",
    );
  }
  return compileRegexp(`^(?:${lazy(before)})(${inside})(?:${after})$`, "us");
}

export const similarTo = defineFunction(
  "similar_to",
  [
    preparedOverload(["text", "text"], BOOLEAN, () => {
      const regexp = memoizeLast((pattern = "") => wholeText(pattern, "\\"));
      return (text, pattern) => regexp(pattern).test(text);
    }),
    preparedOverload(["text", "text", "text"], BOOLEAN, () => {
      const regexp = memoizeLast((pattern = "", escape = "") => wholeText(pattern, escape));
      return (text, pattern, escape) => regexp(pattern, escape).test(text);
    }),
  ],
  { bounded: false },
);

/** `substring(x from pattern)`: the first group, or the match where there is none; with a third argument, of SQL's expressions. */
export const substringRegexp = defineFunction(
  "substring_regexp",
  [
    preparedOverload(["text", "text"], TEXT, () => {
      const regexp = memoizeLast((pattern = "") => compileRegexp(pattern, "us"));
      return (text, pattern) => {
        const match = regexp(pattern).exec(text);
        if (match === null) return null;
        return (match.length > 1 ? match[1] : match[0]) ?? null;
      };
    }),
    preparedOverload(["text", "text", "text"], TEXT, () => {
      const regexp = memoizeLast((pattern = "", escape = "") => middle(pattern, escape));
      return (text, pattern, escape) => regexp(pattern, escape).exec(text)?.[1] ?? null;
    }),
  ],
  { bounded: false },
);
