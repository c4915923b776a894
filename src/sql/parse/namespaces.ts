// CREATE, DROP, USE and SET NAMESPACE.
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
