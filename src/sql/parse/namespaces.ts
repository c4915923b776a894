// CREATE, ALTER, DROP, USE and SET NAMESPACE.
import { DbError } from "../../base/errors.ts";
import { parseName } from "../../base/ids.ts";
import type { Statement } from "../statement.ts";
import { parseNewNamespace } from "./names.ts";
import { unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

export function parseCreateNamespace(cursor: Cursor): Statement {
  cursor.expectWords("CREATE", "NAMESPACE");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const { kind, text } = cursor.peek();
  if (kind !== "word" && kind !== "name") throw cursor.unexpected();
  const name = parseNewNamespace(text);
  cursor.take();
  cursor.expectEnd();
  return { kind: "createNamespace", ifNotExists, name };
}

const MAX_OPTIONS = 100;
const MAX_OPTION_LENGTH = 1_000;

/** `ALTER NAMESPACE name SET OPTIONS ( key = { 'text' | number | TRUE | FALSE }, … )` */
export function parseAlterNamespace(cursor: Cursor): Statement {
  cursor.expectWords("ALTER", "NAMESPACE");
  const name = cursor.expectName("Namespace name");
  if (!cursor.isWord("SET")) throw unsupported("This form of ALTER NAMESPACE", cursor.peek().start);
  cursor.expectWords("SET", "OPTIONS");
  cursor.expectSymbol("(");
  const options = new Map<string, OptionValue>();
  do {
    const { start } = cursor.peek();
    const key = cursor.expectName("Option name");
    if (options.has(key) || options.size === MAX_OPTIONS) {
      const message = options.has(key) ? `Option '${key}' is given twice` : `More than ${MAX_OPTIONS} options`;
      throw new DbError("INVALID_SQL", message, { position: start });
    }
    cursor.expectSymbol("=");
    options.set(key, takeOptionValue(cursor));
  } while (cursor.takeSymbol(","));
  cursor.expectSymbol(")");
  cursor.expectEnd();
  return { kind: "alterNamespace", name, options: Object.fromEntries(options) };
}

type OptionValue = string | number | boolean;

function takeOptionValue(cursor: Cursor): OptionValue {
  if (cursor.takeWords("TRUE")) return true;
  if (cursor.takeWords("FALSE")) return false;
  const position = cursor.peek().start;
  if (cursor.peek().kind === "string") {
    const text = cursor.expectString();
    if (text.length <= MAX_OPTION_LENGTH) return text;
    throw new DbError("INVALID_SQL", `An option has at most ${MAX_OPTION_LENGTH} characters`, { position });
  }
  const sign = cursor.takeSymbol("-") ? -1 : 1;
  if (cursor.peek().kind !== "number") throw cursor.unexpected();
  const value = sign * Number(cursor.take().text);
  const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
  if (isExact) return value;
  throw new DbError("INVALID_SQL", "A number of an option must fit a double", { position, hint: "Write it as text." });
}

export function parseDropNamespace(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "NAMESPACE");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const name = cursor.expectName("Namespace name");
  // The tables inside always go with it, as in the peer: CASCADE says what happens anyway, RESTRICT would not be kept.
  cursor.takeWords("CASCADE");
  if (cursor.isWord("RESTRICT")) throw unsupported("DROP NAMESPACE … RESTRICT", cursor.peek().start);
  cursor.expectEnd();
  return { kind: "dropNamespace", ifExists, name };
}

/** `USE [NAMESPACE] x` and `SET NAMESPACE x`. A namespace called "namespace" needs the long form. */
export function parseUseNamespace(cursor: Cursor): Statement {
  cursor.take();
  cursor.takeWords("NAMESPACE");
  const { kind, text } = cursor.peek();
  // `default` is the fallback namespace's name, so the word is read here although PostgreSQL reserves it.
  if (kind !== "word" && kind !== "name" && kind !== "string") throw cursor.unexpected();
  cursor.take();
  cursor.expectEnd();
  return { kind: "useNamespace", name: parseName(text, "Namespace name") };
}
