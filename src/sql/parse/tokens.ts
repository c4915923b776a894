// Tokens for the statements PostgreSQL does not have, and a cursor over them that reads only as far as it is asked to.
import { assert, type DbError } from "../../base/errors.ts";
import { type Name, parseName } from "../../base/ids.ts";
import { endOfToken, endOfTrivia, isWordStart, startsNumber, UNTERMINATED } from "../../model/lexical.ts";
import { syntaxError } from "./syntax-error.ts";

export interface Token {
  /** `word` is unquoted; `name` is in double quotes; `raw` is a string of a form with escapes or a dollar quote. */
  readonly kind: "word" | "name" | "string" | "raw" | "number" | "symbol" | "end";
  /** Words as written; names and strings without their quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

function kindOf(source: string, start: number, end: number): Token["kind"] {
  const code = source.charCodeAt(start);
  if (isWordStart(code)) return source[end - 1] === "'" ? "raw" : "word";
  if (source[start] === "'") return "string";
  if (source[start] === '"') return "name";
  if (startsNumber(source, start)) return "number";
  return source[start] === "$" && end > start + 1 ? "raw" : "symbol";
}

/** `source` has been through the splitter: its quotes and comments are closed. */
export function tokenAt(source: string, at: number): Token {
  const start = endOfTrivia(source, at);
  assert(start !== UNTERMINATED, "comments are closed");
  if (start >= source.length) return { kind: "end", text: "", start: source.length, end: source.length };
  const end = endOfToken(source, start);
  assert(end !== UNTERMINATED, "quotes are closed");
  const kind = kindOf(source, start, end);
  const raw = source.slice(start, end);
  if (kind === "string") return { kind, text: raw.slice(1, -1).replaceAll("''", "'"), start, end };
  if (kind === "name") return { kind, text: raw.slice(1, -1).replaceAll('""', '"'), start, end };
  return { kind, text: raw, start, end };
}

/** The unquoted words a statement begins with, upper case, at most `limit`. */
export function leadingWords(source: string, limit: number): string[] {
  const words: string[] = [];
  let at = 0;
  while (words.length < limit) {
    const token = tokenAt(source, at);
    if (token.kind !== "word") break;
    words.push(token.text.toUpperCase());
    at = token.end;
  }
  return words;
}

export class Cursor {
  readonly source: string;
  #at = 0;
  #next: Token | undefined;

  constructor(source: string) {
    this.source = source;
  }

  peek(): Token {
    this.#next ??= tokenAt(this.source, this.#at);
    return this.#next;
  }

  take(): Token {
    const token = this.peek();
    this.#at = token.end;
    this.#next = undefined;
    return token;
  }

  /** Goes back or forth to the start of a token. */
  moveTo(position: number): void {
    this.#at = position;
    this.#next = undefined;
  }

  isWord(word: string): boolean {
    const { kind, text } = this.peek();
    return kind === "word" && text.toUpperCase() === word;
  }

  /** Consumes the words if all of them follow; else consumes nothing. */
  takeWords(...words: readonly string[]): boolean {
    const start = this.peek().start;
    for (const word of words) {
      if (!this.isWord(word)) {
        this.moveTo(start);
        return false;
      }
      this.take();
    }
    return true;
  }

  expectWords(...words: readonly string[]): void {
    for (const word of words) {
      if (!this.isWord(word)) throw this.unexpected();
      this.take();
    }
  }

  takeSymbol(symbol: string): boolean {
    const { kind, text } = this.peek();
    if (kind !== "symbol" || text !== symbol) return false;
    this.take();
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected();
  }

  expectString(): string {
    if (this.peek().kind !== "string") throw this.unexpected();
    return this.take().text;
  }

  /** An identifier, quoted or not, checked as a Name. */
  expectName(what: string): Name {
    const { kind, text } = this.peek();
    if (kind !== "word" && kind !== "name") throw this.unexpected();
    this.take();
    return parseName(text, what);
  }

  /** A string or an identifier, taken as it is written. */
  expectText(): string {
    const { kind, text } = this.peek();
    if (kind !== "word" && kind !== "name" && kind !== "string") throw this.unexpected();
    this.take();
    return text;
  }

  expectEnd(): void {
    if (this.peek().kind !== "end") throw this.unexpected();
  }

  /** Stands on an opening bracket; moves past the one that closes it and returns what is between, brackets left out. */
  takeBracketed(): { readonly text: string; readonly start: number; readonly end: number } {
    const open = this.peek();
    this.expectSymbol("(");
    let depth = 1;
    for (;;) {
      const token = this.take();
      if (token.kind === "end") throw syntaxError("", token.start);
      if (token.kind !== "symbol") continue;
      if (token.text === "(") depth++;
      else if (token.text === ")" && --depth === 0) {
        return { text: this.source.slice(open.end, token.start), start: open.end, end: token.start };
      }
    }
  }

  unexpected(): DbError {
    const { start, end } = this.peek();
    return syntaxError(this.source.slice(start, end), start);
  }
}
