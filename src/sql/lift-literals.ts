// The plan cache's key: a statement's text with white space, comments and letter case levelled out and its literals replaced by markers,
// made in one pass because it runs on every request before any cache can answer.
//
// A marker tells the literal's type class, `{i}` 32-bit integer, `{l}` 64-bit integer, `{n}` any other number, `{s}` string: a plan
// depends on it. A literal whose value a plan may depend on stays in the key: see WORDS. Text this pass does not understand is its own key.
import {
  endOfDollarQuoted,
  endOfEscapeString,
  endOfQuoted,
  endOfTrivia,
  isDigit,
  isSpace,
  isWordPart,
  isWordStart,
  startsComment,
  UNTERMINATED,
} from "../model/lexical.ts";
import { GroupingWatch, type WordRole } from "./grouping-watch.ts";
import { integerMarker } from "./integer-marker.ts";

export interface LiftedLiteral {
  /** The value: a string without its quotes, a number as written. */
  readonly text: string;
  /** `integer` fits 64 bits; any other number is a `float`, PostgreSQL's numeric. */
  readonly kind: "string" | "integer" | "float";
  /** UTF-16 offset in the statement's text. A minus sign before the literal is not part of it. */
  readonly start: number;
}

export interface LiftedStatement {
  /** Equal keys and equal literals mean equal syntax trees, locations apart. */
  readonly key: string;
  readonly literals: readonly LiftedLiteral[];
}

/** How a word treats the literals around it. A word may do several of these. */
const STRING_MAY_FOLLOW = 1;
const KEEPS_BRACKETS = 2;
const STARTS_KEPT_LIST = 4;
const ENDS_KEPT_LIST = 8;
const LIFTS_IN_WHERE_ONLY = 16;
const STARTS_SELECT = 32;
const ENDS_SELECT_LIST = 64;

const WORDS = wordTable([
  // A string after any other word may be a typed literal (INTERVAL '1 day'), whose text decides what is planned.
  [
    STRING_MAY_FOLLOW,
    "select where and or not like ilike in between then else when case limit offset returning having on",
  ],
  [STRING_MAY_FOLLOW, "distinct all values from for date timestamp timestamptz json jsonb uuid to"],
  // Type modifiers, and functions whose unit or format is translated while planning.
  [
    KEEPS_BRACKETS,
    "decimal numeric dec varchar char character varying nvarchar bpchar bit varbit varbinary binary time",
  ],
  [
    KEEPS_BRACKETS,
    "timestamp timestamptz interval float embedding date_trunc date_part extract date_bin to_char to_date",
  ],
  [KEEPS_BRACKETS, "to_number to_timestamp make_interval"],
  // ORDER BY 2 and GROUP BY 2 name output columns. Only reserved words end the list: any other may be a column in it.
  [STARTS_KEPT_LIST, "by"],
  [ENDS_KEPT_LIST, "having limit offset fetch window union except intersect for returning"],
  // An expression of the select list must equal one of ORDER BY under DISTINCT; two slots never do. GROUP BY: see GroupingWatch.
  [LIFTS_IN_WHERE_ONLY, "distinct"],
  [STARTS_SELECT, "select"],
  [ENDS_SELECT_LIST, "where limit offset"],
]);
const AFTER_AS = STRING_MAY_FOLLOW | KEEPS_BRACKETS;

function wordTable(rows: readonly (readonly [number, string])[]): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  for (const [effect, words] of rows) {
    for (const word of words.split(" ")) table.set(word, (table.get(word) ?? 0) | effect);
  }
  return table;
}

const DATA_STATEMENTS = new Set(["select", "insert", "upsert", "update", "delete", "with", "values"]);

const SPACE = 32;
const DOUBLE_QUOTE = 34;
const HASH = 35;
const DOLLAR = 36;
const AMPERSAND = 38;
const QUOTE = 39;
const OPEN = 40;
const CLOSE = 41;
const PLUS = 43;
const DASH = 45;
const DOT = 46;
const SLASH = 47;
const COLON = 58;
const SEMICOLON = 59;
const GREATER = 62;
const QUESTION = 63;
const LOWER_A = 97;
const LOWER_E = 101;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const FIRST_NON_ASCII = 128;

export function liftLiterals(text: string): LiftedStatement {
  // What the parser refuses must reach it, whatever the cache holds.
  const isClean = text.isWellFormed() && !text.includes("\u0000");
  const lifting = isClean ? liftEverywhere(text) : undefined;
  // Nothing this pass makes begins with an empty pair of braces.
  return lifting ?? { key: `{}${text}`, literals: [] };
}

function liftEverywhere(text: string): LiftedStatement | undefined {
  const everywhere = new Lifting(text, false);
  const lifted = everywhere.run();
  return everywhere.mustLiftInWhereOnly ? new Lifting(text, true).run() : lifted;
}

/** What the last token was, as far as the next one must know. */
type Previous = "other" | "word" | "dot" | "as" | "string" | "pathOperator" | "operandEnd";

class Lifting {
  /** Set when the run has met a word after which its choices are wrong; its result is void. */
  mustLiftInWhereOnly = false;
  readonly #text: string;
  /** The text in lower case, for all that is outside quotes. Offsets are the text's. */
  readonly #folded: string;
  readonly #inWhereOnly: boolean;
  readonly #literals: LiftedLiteral[] = [];
  readonly #grouping = new GroupingWatch();
  #key = "";
  /** Text from here on is not yet in the key. */
  #copied = 0;
  #at = 0;
  #previous: Previous = "other";
  /** Effects of the last word. */
  #effects = 0;
  #isFirstWord = true;
  /** True where literals stay in the key, with the same for each open bracket. */
  #keeps = false;
  readonly #outerKeeps: boolean[] = [];

  constructor(text: string, inWhereOnly: boolean) {
    this.#text = text;
    this.#inWhereOnly = inWhereOnly;
    const folded = text.toLowerCase();
    // Folding can lengthen a letter beyond ASCII; such letters are inside quotes, so folding ASCII alone will do.
    this.#folded = folded.length === text.length ? folded : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }

  /** Undefined when the text must be its own key. */
  run(): LiftedStatement | undefined {
    const text = this.#text;
    const first = endOfTrivia(text, 0);
    if (first === UNTERMINATED) return undefined;
    this.#at = first;
    this.#copied = first;
    while (this.#at < text.length) {
      if (!this.#takeToken(text.charCodeAt(this.#at))) return undefined;
    }
    this.#flush(text.length);
    this.mustLiftInWhereOnly ||= !this.#inWhereOnly && this.#grouping.forbidsLifting;
    const key = this.#key.endsWith(" ") ? this.#key.slice(0, -1) : this.#key;
    return { key, literals: this.#literals };
  }

  #takeToken(code: number): boolean {
    if (isWordStart(code)) return this.#takeWord();
    if (isSpace(code)) return this.#takeTrivia();
    if (isDigit(code)) return this.#takeNumber();
    switch (code) {
      case QUOTE:
        return this.#takeString();
      case DOUBLE_QUOTE:
        this.#grouping.quotedName();
        return this.#keepQuoted(endOfQuoted(this.#text, this.#at), "operandEnd");
      case DOLLAR:
        return this.#takeDollar();
      case DASH:
      case SLASH:
        return startsComment(this.#text, this.#at) ? this.#takeTrivia() : this.#takeSymbol("other");
      case DOT:
        return isDigit(this.#text.charCodeAt(this.#at + 1)) ? this.#takeNumber() : this.#takeSymbol("dot");
      case SEMICOLON:
        return this.#takeLastSemicolon();
      // Braces are the markers' own; no SQL has them outside quotes.
      case OPEN_BRACE:
      case CLOSE_BRACE:
        return false;
      default:
        return this.#takeOperator(code);
    }
  }

  #takeSymbol(previous: Previous): true {
    this.#at++;
    this.#previous = previous;
    return true;
  }

  #takeOperator(code: number): boolean {
    if (code === OPEN) {
      this.#outerKeeps.push(this.#keeps);
      this.#grouping.open();
      if (this.#previous === "word" && (this.#effects & KEEPS_BRACKETS) !== 0) this.#keeps = true;
      return this.#takeSymbol("other");
    }
    if (code === CLOSE) {
      this.#keeps = this.#outerKeeps.pop() ?? false;
      this.#grouping.close();
      return this.#takeSymbol("operandEnd");
    }
    const isPath = code === QUESTION || (code === GREATER && this.#endsArrow());
    return this.#takeSymbol(isPath ? "pathOperator" : "other");
  }

  /** `->`, `->>`, `#>` and `#>>`: what follows is the name of a member, not a value that varies. */
  #endsArrow(): boolean {
    const before = this.#text.charCodeAt(this.#at - 1);
    const stem = before === GREATER ? this.#text.charCodeAt(this.#at - 2) : before;
    return stem === DASH || stem === HASH;
  }

  #takeTrivia(): boolean {
    const end = endOfTrivia(this.#text, this.#at);
    if (end === UNTERMINATED) return false;
    const isSingleSpace = end === this.#at + 1 && this.#text.charCodeAt(this.#at) === SPACE;
    if (!isSingleSpace) {
      this.#flush(this.#at);
      this.#key += " ";
      this.#copied = end;
    }
    this.#at = end;
    return true;
  }

  #takeLastSemicolon(): boolean {
    const end = endOfTrivia(this.#text, this.#at + 1);
    this.#flush(this.#at);
    this.#at = end;
    this.#copied = end;
    return end === this.#text.length;
  }

  #takeWord(): boolean {
    const text = this.#text;
    const start = this.#at;
    let end = start;
    for (let code = text.charCodeAt(end); isWordPart(code); code = text.charCodeAt(++end)) {
      // PostgreSQL folds no letter beyond ASCII, and this pass would.
      if (code >= FIRST_NON_ASCII) return false;
    }
    const next = text.charCodeAt(end);
    if (end === start + 1 && (next === QUOTE || next === AMPERSAND)) {
      const prefix = this.#folded.charAt(start);
      if (prefix === "u" && next === AMPERSAND) return false;
      if (next === QUOTE && "ebxn".includes(prefix)) {
        return this.#keepQuoted(prefix === "e" ? endOfEscapeString(text, end) : endOfQuoted(text, end), "string");
      }
    }
    const word = this.#folded.slice(start, end);
    if (this.#isFirstWord && !DATA_STATEMENTS.has(word)) return false;
    this.#isFirstWord = false;
    this.#grouping.word(word, this.#roleOfWord());
    this.#applyEffects(this.#effectsOf(word));
    this.#previous = word === "as" ? "as" : "word";
    this.#at = end;
    return !this.mustLiftInWhereOnly;
  }

  /** After words such as SELECT or AND there is no expression that the next could name. */
  #roleOfWord(): WordRole {
    if (this.#previous === "dot") return "column";
    if (this.#previous === "as") return "name";
    const isAfterOperand = this.#previous === "operandEnd" || this.#previous === "string";
    const isAfterName = this.#previous === "word" && (this.#effects & STRING_MAY_FOLLOW) === 0;
    return isAfterOperand || isAfterName ? "nameOrOther" : "other";
  }

  /** After a dot any word is a column, after AS it is an alias or a type. */
  #effectsOf(word: string): number {
    if (this.#previous === "dot") return 0;
    const effects = WORDS.get(word) ?? 0;
    return this.#previous === "as" ? effects & AFTER_AS : effects;
  }

  #applyEffects(effects: number): void {
    this.#effects = effects;
    if (effects < STARTS_KEPT_LIST) return;
    if ((effects & STARTS_KEPT_LIST) !== 0) this.#keeps = true;
    else if ((effects & STARTS_SELECT) !== 0) this.#keeps = this.#inWhereOnly;
    else if ((effects & (this.#inWhereOnly ? ENDS_SELECT_LIST : ENDS_KEPT_LIST | ENDS_SELECT_LIST)) !== 0)
      this.#keeps = false;
    else if ((effects & LIFTS_IN_WHERE_ONLY) !== 0 && !this.#inWhereOnly) this.mustLiftInWhereOnly = true;
  }

  #takeNumber(): boolean {
    this.#grouping.literal();
    const text = this.#text;
    const start = this.#at;
    let end = this.#endOfDigits(start);
    const isInteger = text.charCodeAt(end) !== DOT;
    if (!isInteger) end = this.#endOfDigits(end + 1);
    const whole = end;
    if (this.#folded.charCodeAt(end) === LOWER_E) {
      const sign = text.charCodeAt(end + 1);
      const digits = sign === PLUS || sign === DASH ? end + 2 : end + 1;
      if (!isDigit(text.charCodeAt(digits))) return false;
      end = this.#endOfDigits(digits);
    }
    const next = text.charCodeAt(end);
    // Hexadecimal, underscores, 1..2 and what PostgreSQL calls trailing junk.
    if (isWordPart(next) || next === DOT) return false;
    if (this.#keeps || this.#previous === "pathOperator") this.#at = end;
    else {
      const digits = text.slice(start, end);
      const marker = isInteger && whole === end ? integerMarker(digits) : "{n}";
      this.#lift(marker, { text: digits, kind: marker === "{n}" ? "float" : "integer", start }, end);
    }
    this.#previous = "operandEnd";
    return true;
  }

  #endOfDigits(at: number): number {
    let end = at;
    while (isDigit(this.#text.charCodeAt(end))) end++;
    return end;
  }

  #takeString(): boolean {
    this.#grouping.literal();
    // Two strings parted by a line break are one to PostgreSQL.
    if (this.#previous === "string") return false;
    const text = this.#text;
    const start = this.#at;
    const end = endOfQuoted(text, start);
    if (end === UNTERMINATED) return false;
    if (this.#keeps || !this.#stringMayFollow() || this.#isCastToInterval(end)) return this.#keepQuoted(end, "string");
    const inner = text.slice(start + 1, end - 1);
    this.#lift("{s}", { text: inner.includes("'") ? inner.replaceAll("''", "'") : inner, kind: "string", start }, end);
    this.#previous = "string";
    return true;
  }

  #stringMayFollow(): boolean {
    if (this.#previous === "word") return (this.#effects & STRING_MAY_FOLLOW) !== 0;
    return this.#previous === "other";
  }

  #isCastToInterval(end: number): boolean {
    let at = endOfTrivia(this.#text, end);
    const code = this.#folded.charCodeAt(at);
    if (code !== COLON && code !== LOWER_A) return false;
    if (!this.#folded.startsWith("::", at) && !this.#folded.startsWith("as", at)) return false;
    at = endOfTrivia(this.#text, at + 2);
    return this.#folded.startsWith("interval", at);
  }

  #takeDollar(): boolean {
    const start = this.#at;
    const end = this.#endOfDigits(start + 1);
    if (end > start + 1) {
      this.#at = end;
      this.#previous = "operandEnd";
      return !isWordPart(this.#text.charCodeAt(end));
    }
    const close = endOfDollarQuoted(this.#text, start);
    return close !== start && this.#keepQuoted(close, "string");
  }

  /** From `#at` to `end` goes into the key as it is written. */
  #keepQuoted(end: number, previous: Previous): boolean {
    if (end === UNTERMINATED) return false;
    this.#flush(this.#at);
    this.#key += this.#text.slice(this.#at, end);
    this.#at = end;
    this.#copied = end;
    this.#previous = previous;
    return true;
  }

  #lift(marker: string, literal: LiftedLiteral, end: number): void {
    this.#flush(literal.start);
    this.#key += marker;
    this.#literals.push(literal);
    this.#at = end;
    this.#copied = end;
  }

  #flush(end: number): void {
    if (end > this.#copied) this.#key += this.#folded.slice(this.#copied, end);
    this.#copied = end;
  }
}
