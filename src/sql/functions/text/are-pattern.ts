// PostgreSQL's regular expressions as JavaScript's, where the two spell one thing differently: classes by name (`[[:alpha:]]`), the ends of words (`\m`, `\M`,
// `\y`), the ends of the text (`\A`, `\Z`), escapes of characters that mean nothing, and options at the front (`(?i)`).
import { DbError } from "../../../base/errors.ts";

/** As under the locale C, in which letters are ASCII's. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t-\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

const ESCAPES: Readonly<Record<string, string>> = {
  m: "\\b(?=\\w)",
  M: "\\b(?<=\\w)",
  y: "\\b",
  Y: "\\B",
  A: "(?<![^])",
  Z: "(?![^])",
};

/** What JavaScript lets a backslash stand before. */
const SYNTAX = /[\^$\\.*+?()[\]{}|/]/;

export interface JavaScriptPattern {
  readonly source: string;
  /** Options that the pattern itself begins with: `(?i)`. */
  readonly options: string;
}

function escaped(next: string, inBrackets: boolean): string {
  if (!inBrackets && Object.hasOwn(ESCAPES, next)) return ESCAPES[next] ?? "";
  if (/[0-9A-Za-z]/.test(next) || SYNTAX.test(next) || (inBrackets && next === "-")) return `\\${next}`;
  return next;
}

/** `[:name:]`, `[.` and `[=` inside brackets. */
function bracketItem(pattern: string, at: number): { readonly text: string; readonly length: number } | undefined {
  const named = /^\[:(\w*):\]/.exec(pattern.slice(at, at + 20));
  if (named !== null) {
    const text = Object.hasOwn(CLASSES, named[1] ?? "") ? CLASSES[named[1] ?? ""] : undefined;
    if (text === undefined) {
      throw new DbError("SQL_EXECUTION_ERROR", "invalid regular expression: invalid character class");
    }
    return { text, length: named[0].length };
  }
  if (/^\[[.=]/.test(pattern.slice(at, at + 2))) {
    throw new DbError("UNSUPPORTED", "a collating element in a regular expression is not supported");
  }
  return pattern.charAt(at) === "[" ? { text: "\\[", length: 1 } : undefined;
}

/** From the opening bracket to what closes it; a bracket that comes first is a member. */
function brackets(pattern: string, start: number): { readonly text: string; readonly end: number } {
  const opening = /^\[\^?\]?/.exec(pattern.slice(start))?.[0] ?? "[";
  let text = opening.endsWith("]") ? `${opening.slice(0, -1)}\\]` : opening;
  let at = start + opening.length;
  while (at < pattern.length) {
    const character = pattern.charAt(at);
    if (character === "]") return { text: `${text}]`, end: at + 1 };
    const item = bracketItem(pattern, at);
    if (item !== undefined) {
      text += item.text;
      at += item.length;
    } else if (character === "\\") {
      text += escaped(pattern.charAt(at + 1), true);
      at += 2;
    } else {
      text += character;
      at += 1;
    }
  }
  // Never closed: JavaScript says so.
  return { text, end: pattern.length };
}

export function javaScriptPattern(pattern: string): JavaScriptPattern {
  const front = /^\(\?([a-z]+)\)/.exec(pattern);
  let source = "";
  for (let at = front?.[0].length ?? 0; at < pattern.length; ) {
    const character = pattern.charAt(at);
    if (character === "\\" && at + 1 < pattern.length) {
      source += escaped(String.fromCodePoint(pattern.codePointAt(at + 1) ?? 0), false);
      at += (pattern.codePointAt(at + 1) ?? 0) > 0xffff ? 3 : 2;
    } else if (character === "[") {
      const { text, end } = brackets(pattern, at);
      source += text;
      at = end;
    } else {
      source += character;
      at += 1;
    }
  }
  return { source, options: front?.[1] ?? "" };
}
