// Regular expressions as values, for the functions of the regexp family: options, offsets in characters, and replacement text. JavaScript's expressions
// with Unicode semantics; `.` matches a line break unless the options say otherwise, as in PostgreSQL.
import { DbError } from "../../../base/errors.ts";
import type { SqlType, TypeKind } from "../../../model/sql-type.ts";
import { type Overload, preparedOverload, type TypedEvaluator } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { javaScriptPattern } from "./are-pattern.ts";
import { codePointLength, codePointSlice } from "./code-points.ts";

const MAX_PATTERN_LENGTH = 1000;

/** PostgreSQL's words for what JavaScript says. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/missing terminating \]/, "brackets [] not balanced"],
  [/missing \)|unmatched parenthes/, "parentheses () not balanced"],
  [/nothing to repeat/, "quantifier operand invalid"],
  [/numbers out of order in \{\}/, "invalid repetition count(s)"],
  [/range out of order/, "invalid character range"],
  [/back ?reference/i, "invalid backreference number"],
];

function reasonOf(message: string): string {
  return REASONS.find(([pattern]) => pattern.test(message))?.[1] ?? message.replace("Invalid regular expression: ", "");
}

export function compileRegexp(pattern: string, flags: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `regular expression is too long: at most ${MAX_PATTERN_LENGTH} characters`,
    );
  }
  const { source, options } = javaScriptPattern(pattern);
  try {
    return new RegExp(source, withOptions(flags, options));
  } catch (cause) {
    const reason = reasonOf(cause instanceof Error ? cause.message : String(cause));
    throw new DbError("SQL_EXECUTION_ERROR", `invalid regular expression: ${reason}`, { cause });
  }
}

/** The flags with those of the pattern's own options over them. */
function withOptions(flags: string, options: string): string {
  if (options === "") return flags;
  const isGlobal = flags.includes("g");
  const own = flagsOf((flags.includes("i") ? "i" : "") + options, false);
  return isGlobal ? own : own.replace("g", "");
}

/** JavaScript's flags for PostgreSQL's option letters; `s` is what PostgreSQL does without options. */
function flagsOf(options: string, allowsGlobal: boolean): string {
  let flags = "s";
  let ignoreCase = false;
  for (const option of options) {
    if (option === "i") ignoreCase = true;
    else if (option === "c") ignoreCase = false;
    else if (option === "n" || option === "m") flags = "m";
    else if (option === "p") flags = "";
    else if (option === "w") flags = "sm";
    else if (option === "s") flags = "s";
    else if (option !== "g" || !allowsGlobal) {
      const hint = { hint: "Options are i, c, n, m, p, w, s, and g for regexp_replace." };
      throw new DbError("SQL_EXECUTION_ERROR", `invalid regular expression option: ${JSON.stringify(option)}`, hint);
    }
  }
  return `gu${flags}${ignoreCase ? "i" : ""}`;
}

/** The expression of a call, kept from row to row. */
export function regexpMaker(allowsGlobal = false): (pattern: string, options: string) => RegExp {
  return memoizeLast((pattern = "", options = "") => compileRegexp(pattern, flagsOf(options, allowsGlobal)));
}

/** An overload that keeps the expression, for options without `g`. */
export function regexpOverload<const Kinds extends readonly TypeKind[]>(
  args: Kinds,
  returns: SqlType,
  evaluator: (regexp: (pattern: string, options: string) => RegExp) => TypedEvaluator<Kinds>,
): Overload {
  return preparedOverload(args, returns, () => evaluator(regexpMaker()));
}

/** The UTF-16 offset of a character counted from 1; undefined when the text ends before it. */
export function offsetOf(text: string, start: number): number | undefined {
  if (start < 1) {
    throw new DbError("SQL_EXECUTION_ERROR", `invalid value for parameter "start": ${start}`);
  }
  const offset = codePointSlice(text, 0, start - 1).length;
  return start - 1 > codePointLength(text) ? undefined : offset;
}

export function* matchesFrom(regexp: RegExp, text: string, start: number): Generator<RegExpExecArray> {
  const offset = offsetOf(text, start);
  if (offset === undefined) return;
  regexp.lastIndex = offset;
  for (let match = regexp.exec(text); match !== null; match = regexp.exec(text)) {
    // An empty match would be found for ever.
    if (match[0] === "") regexp.lastIndex += (text.codePointAt(regexp.lastIndex) ?? 0) > 0xffff ? 2 : 1;
    yield match;
  }
}

/** The nth match (from 1), the arguments of the call checked. */
export function nthMatch(
  regexp: RegExp,
  text: string,
  { start, n }: { start: number; n: number },
): RegExpExecArray | undefined {
  if (n < 1) throw new DbError("SQL_EXECUTION_ERROR", `invalid value for parameter "n": ${n}`);
  let count = 0;
  for (const match of matchesFrom(regexp, text, start)) {
    count += 1;
    if (count === n) return match;
  }
  return undefined;
}

/** `\1` to `\9` and `\&` stand for what was matched, `\\` for a backslash. */
export function substituted(replacement: string, match: RegExpExecArray): string {
  return replacement.replaceAll(/\\([1-9&\\])/g, (_all, what: string) => {
    if (what === "\\") return "\\";
    return (what === "&" ? match[0] : match[Number(what)]) ?? "";
  });
}
