import type { Statement, TableRef } from "../statement.ts";
import { takeTableRef } from "./names.ts";
import { unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

/** `TRUNCATE [TABLE] [ns.]table [, …] [CONTINUE IDENTITY] [RESTRICT]` */
export function parseTruncate(cursor: Cursor): Statement {
  cursor.expectWords("TRUNCATE");
  cursor.takeWords("TABLE");
  if (cursor.isWord("ONLY")) throw unsupported("ONLY", cursor.peek().start);
  const tables: TableRef[] = [];
  do tables.push(takeTableRef(cursor));
  while (cursor.takeSymbol(","));
  if (cursor.isWord("RESTART")) throw unsupported("RESTART IDENTITY", cursor.peek().start);
  cursor.takeWords("CONTINUE", "IDENTITY");
  if (cursor.isWord("CASCADE")) throw unsupported("TRUNCATE … CASCADE", cursor.peek().start);
  cursor.takeWords("RESTRICT");
  cursor.expectEnd();
  return { kind: "truncate", tables };
}

export function parseClearCache(cursor: Cursor): Statement {
  cursor.expectWords("CLEAR", "CACHE");
  cursor.expectEnd();
  return { kind: "clearCache" };
}
