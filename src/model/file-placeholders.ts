// `FILE('name')` and `FILE("name")` in the text of a statement, wherever they are not inside a string, a quoted name or a comment.
import { DbError } from "../base/errors.ts";
import { endOfToken, endOfTrivia, UNTERMINATED } from "./lexical.ts";

export interface FilePlaceholder {
  readonly name: string;
  /** Character offsets. */
  readonly start: number;
  readonly end: number;
}

export interface FilePlaceholders {
  readonly placeholders: readonly FilePlaceholder[];
  /** The highest n of `$n` in the text; 0 when there is none. */
  readonly lastParameter: number;
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A text whose quotes or comments do not end has none: the parser will say so. */
export function findFilePlaceholders(sql: string): FilePlaceholders {
  const tokens = tokensOf(sql);
  const placeholders: FilePlaceholder[] = [];
  let lastParameter = 0;
  for (const [index, { text, start }] of tokens.entries()) {
    if (/^\$\d+$/.test(text)) lastParameter = Math.max(lastParameter, Number(text.slice(1)));
    if (text.toLowerCase() !== "file") continue;
    const [open, name, close] = tokens.slice(index + 1, index + 4);
    if (open?.text !== "(" || close?.text !== ")" || name === undefined || !/^['"]/.test(name.text)) continue;
    placeholders.push({ name: unquoted(name.text), start, end: close.end });
  }
  return { placeholders, lastParameter };
}

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  for (let at = endOfTrivia(sql, 0); at !== UNTERMINATED && at < sql.length; ) {
    const end = endOfToken(sql, at);
    if (end === UNTERMINATED) return [];
    tokens.push({ text: sql.slice(at, end), start: at, end });
    at = endOfTrivia(sql, end);
  }
  return tokens;
}

function unquoted(text: string): string {
  const quote = text.charAt(0);
  const name = text.slice(1, -1).replaceAll(quote + quote, quote);
  if (name !== "") return name;
  throw new DbError("INVALID_INPUT", "A FILE placeholder needs the name of a part");
}
