// PostgreSQL's lexical rules, as far as finding where a token or a comment ends. The batch splitter, the tokenizer, the literal
// lifter and the terminal client share them, so that no two of them can disagree about what is inside a quote.

/** What the end functions return for a quote or comment that is never closed. */
export const UNTERMINATED = -1;

const TAB = 9;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const SPACE = 32;
const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const STAR = 42;
const DASH = 45;
const DOT = 46;
const SLASH = 47;
const BACKSLASH = 92;
const UNDERSCORE = 95;

export function isSpace(code: number): boolean {
  return code === SPACE || (code >= TAB && code <= CARRIAGE_RETURN);
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Every character above ASCII may be part of a name, as in PostgreSQL. */
export function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === UNDERSCORE || code >= 128;
}

export function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === DOLLAR;
}

export function startsComment(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === DASH) return text.charCodeAt(at + 1) === DASH;
  return code === SLASH && text.charCodeAt(at + 1) === STAR;
}

/** `at` is the first character of a comment, of either form. Block comments nest. */
export function endOfComment(text: string, at: number): number {
  if (text.charCodeAt(at) === DASH) return endOfLine(text, at);
  let depth = 1;
  let index = at + 2;
  while (depth > 0) {
    const close = text.indexOf("*/", index);
    if (close === -1) return UNTERMINATED;
    const open = text.indexOf("/*", index);
    const nested = open !== -1 && open < close;
    depth += nested ? 1 : -1;
    index = (nested ? open : close) + 2;
  }
  return index;
}

function endOfLine(text: string, at: number): number {
  let index = at;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === LINE_FEED || code === CARRIAGE_RETURN) break;
    index++;
  }
  return index;
}

/** Skips white space and comments. */
export function endOfTrivia(text: string, at: number): number {
  let index = at;
  for (;;) {
    while (isSpace(text.charCodeAt(index))) index++;
    if (!startsComment(text, index)) return index;
    index = endOfComment(text, index);
    if (index === UNTERMINATED) return UNTERMINATED;
  }
}

/** `at` is a quote of either kind; doubled, it stands for itself. */
export function endOfQuoted(text: string, at: number): number {
  const quote = text.charCodeAt(at) === QUOTE ? "'" : '"';
  let index = at + 1;
  for (;;) {
    const close = text.indexOf(quote, index);
    if (close === -1) return UNTERMINATED;
    if (text[close + 1] !== quote) return close + 1;
    index = close + 2;
  }
}

/** `at` is the opening quote of an E'…' string, where a backslash takes the next character with it. */
export function endOfEscapeString(text: string, at: number): number {
  let index = at + 1;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index += 2;
    else if (code !== QUOTE) index++;
    else if (text.charCodeAt(index + 1) === QUOTE) index += 2;
    else return index + 1;
  }
  return UNTERMINATED;
}

/** `at` is a dollar sign. Returns `at` when it does not open a dollar-quoted string. */
export function endOfDollarQuoted(text: string, at: number): number {
  let index = at + 1;
  while (isWordPart(text.charCodeAt(index)) && text.charCodeAt(index) !== DOLLAR) index++;
  const isTag = text.charCodeAt(index) === DOLLAR && !isDigit(text.charCodeAt(at + 1));
  if (!isTag) return at;
  const tag = text.slice(at, index + 1);
  const close = text.indexOf(tag, index + 1);
  return close === -1 ? UNTERMINATED : close + tag.length;
}

export function endOfWord(text: string, at: number): number {
  let index = at;
  while (isWordPart(text.charCodeAt(index))) index++;
  return index;
}

/** Digits, fraction and exponent, with whatever letters are stuck to them: PostgreSQL refuses those, and nothing else may read them as a word. */
function endOfNumber(text: string, at: number): number {
  let index = at;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    const isExponentSign =
      (code === DASH || code === 43) && /[eE]/.test(text[index - 1] ?? "") && !/^0[xX]/.test(text.slice(at, at + 2));
    if (!isDigit(code) && !isWordStart(code) && code !== DOT && !isExponentSign) break;
    index++;
  }
  return index;
}

export function startsNumber(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return isDigit(code) || (code === DOT && isDigit(text.charCodeAt(at + 1)));
}

/** `at` is the first character of a token. A character with no meaning of its own is a token of length one. */
export function endOfToken(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (isWordStart(code)) {
    const end = endOfWord(text, at);
    const isEscapePrefix = end === at + 1 && (code === 69 || code === 101) && text.charCodeAt(end) === QUOTE;
    return isEscapePrefix ? endOfEscapeString(text, end) : end;
  }
  if (code === QUOTE || code === DOUBLE_QUOTE) return endOfQuoted(text, at);
  if (code === DOLLAR) {
    if (isDigit(text.charCodeAt(at + 1))) return endOfNumber(text, at + 1);
    const end = endOfDollarQuoted(text, at);
    return end === at ? at + 1 : end;
  }
  return startsNumber(text, at) ? endOfNumber(text, at) : at + 1;
}
