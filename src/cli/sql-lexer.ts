// Where statements begin and end in text that comes in pieces: strings, dollar quotes, quoted names and comments are understood, everything else is the server's business.
import {
  endOfComment,
  endOfDollarQuoted,
  endOfEscapeString,
  endOfQuoted,
  startsComment,
  UNTERMINATED,
} from "../model/lexical.ts";

/** What the text is inside of at its end; it shows in the prompt. */
export type OpenIn = "nothing" | "statement" | "'" | '"' | "$" | "/*" | "(";

export interface SplitText {
  readonly parts: readonly InputPart[];
  /** What comes after the last part. */
  readonly rest: string;
  readonly restStart: number;
  readonly openIn: OpenIn;
}

export type InputPart =
  /** With its `;`, without the white space around. */
  | { readonly kind: "statement"; readonly text: string; readonly start: number }
  /** `\\dt chat.*`, to the end of its line. `pending` is the unfinished statement that it stands in. */
  | { readonly kind: "command"; readonly text: string; readonly start: number; readonly pending: string };

/** Commands that end the statement they stand behind, as `;` does. */
const ENDS_STATEMENT = /^\\(?:g|gx|r|reset|watch)(?:\s|$)/;

const WORD = /[\w\u0080-\uffff$]/;

interface Skipped {
  /** Behind the end, or the length of the text when there is no end. */
  readonly next: number;
  readonly openIn: OpenIn | undefined;
}

/** Behind the quoted thing or comment that begins at `at`; undefined when none does. */
export function skipQuoted(text: string, at: number): Skipped | undefined {
  const quoted = quotedAt(text, at);
  if (quoted?.end !== UNTERMINATED) return quoted && { next: quoted.end, openIn: undefined };
  return { next: text.length, openIn: quoted.openIn };
}

function quotedAt(text: string, at: number): { readonly end: number; readonly openIn: OpenIn } | undefined {
  if (startsComment(text, at)) return { end: endOfComment(text, at), openIn: "/*" };
  switch (text[at]) {
    case "'":
      return { end: isEscapeString(text, at) ? endOfEscapeString(text, at) : endOfQuoted(text, at), openIn: "'" };
    case '"':
      return { end: endOfQuoted(text, at), openIn: '"' };
    case "$": {
      const end = WORD.test(text[at - 1] ?? " ") ? at : endOfDollarQuoted(text, at);
      return end === at ? undefined : { end, openIn: "$" };
    }
    default:
      return undefined;
  }
}

function isEscapeString(text: string, at: number): boolean {
  return /[eE]/.test(text[at - 1] ?? "") && !WORD.test(text[at - 2] ?? " ");
}

const PLAIN = /[^'"$/;()\\\\-]+/y;

/** Behind the run of characters that mean nothing here; one that might is a step of its own. */
function plainEnd(text: string, at: number): number {
  PLAIN.lastIndex = at;
  return PLAIN.test(text) ? PLAIN.lastIndex : at + 1;
}

/** A backslash outside of quotes is no SQL: a command begins there, wherever it stands. */
export function splitInput(text: string): SplitText {
  return new Splitter(text).split();
}

class Splitter {
  readonly #text: string;
  readonly #parts: InputPart[] = [];
  /** What was read since the last part, commands taken out. */
  #statement = "";
  #start = 0;
  /** Of brackets. */
  #depth = 0;
  #openIn: OpenIn | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  split(): SplitText {
    for (let at = 0; at < this.#text.length; ) at = this.#step(at);
    const open = isBlank(this.#statement) ? "nothing" : this.#depth > 0 ? "(" : "statement";
    return {
      parts: this.#parts,
      rest: this.#statement,
      restStart: this.#start,
      openIn: this.#openIn ?? open,
    };
  }

  /** Gives where to go on. */
  #step(at: number): number {
    const skipped = skipQuoted(this.#text, at);
    const character = this.#text[at] ?? "";
    if (skipped === undefined && character === "\\") return this.#command(at);
    const next = skipped?.next ?? plainEnd(this.#text, at);
    this.#statement += this.#text.slice(at, next);
    this.#openIn = skipped?.openIn;
    if (skipped === undefined) this.#symbol(character, next);
    return next;
  }

  #command(at: number): number {
    const end = this.#text.indexOf("\n", at);
    const next = end === -1 ? this.#text.length : end;
    const text = this.#text.slice(at, next).trim();
    const pending = isBlank(this.#statement) ? "" : this.#statement.trim();
    this.#parts.push({ kind: "command", text, start: at, pending });
    if (ENDS_STATEMENT.test(text) || pending === "") this.#begin(next);
    return next;
  }

  #symbol(character: string, next: number): void {
    if (character === "(") this.#depth += 1;
    else if (character === ")") this.#depth = Math.max(0, this.#depth - 1);
    else if (character === ";") {
      const lead = this.#statement.length - this.#statement.trimStart().length;
      const isEmpty = isBlank(this.#statement.slice(0, -1));
      if (!isEmpty)
        this.#parts.push({ kind: "statement", text: this.#statement.slice(lead), start: this.#start + lead });
      this.#begin(next);
    }
  }

  #begin(at: number): void {
    this.#statement = "";
    this.#start = at;
    this.#depth = 0;
  }
}

/** Nothing but white space and comments. */
export function isBlank(text: string): boolean {
  return withoutLead(text) === "";
}

/** The text without the white space and comments it begins with. */
export function withoutLead(text: string): string {
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) at += 1;
    else if (text.startsWith("--", at) || text.startsWith("/*", at)) at = skipQuoted(text, at)?.next ?? text.length;
    else break;
  }
  return text.slice(at);
}
