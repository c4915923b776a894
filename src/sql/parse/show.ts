// SHOW NAMESPACES, SHOW TABLES and DESCRIBE.
import type { Statement } from "../statement.ts";
import { takeShowApiKeys } from "./api-keys.ts";
import { takeTableRef } from "./names.ts";
import { takeInNamespace } from "./storage.ts";
import { unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

export function parseShow(cursor: Cursor): Statement {
  cursor.expectWords("SHOW");
  const statement = takeShown(cursor);
  cursor.expectEnd();
  return statement;
}

function takeShown(cursor: Cursor): Statement {
  if (cursor.takeWords("NAMESPACES")) return { kind: "showNamespaces" };
  if (cursor.takeWords("API", "KEYS")) return takeShowApiKeys(cursor);
  if (cursor.takeWords("TABLES")) return { kind: "showTables", namespace: takeInNamespace(cursor) };
  if (cursor.takeWords("VIEWS")) return { kind: "showViews", namespace: takeInNamespace(cursor) };
  const { kind, text, start } = cursor.peek();
  if (kind !== "word") throw cursor.unexpected();
  throw unsupported(`SHOW ${text.toUpperCase()}`, start);
}

/** `{DESC|DESCRIBE} [TABLE] t [HISTORY]`. A table called "table" needs the long form. */
export function parseDescribe(cursor: Cursor): Statement {
  cursor.take();
  cursor.takeWords("TABLE");
  const table = takeTableRef(cursor);
  const history = cursor.takeWords("HISTORY");
  cursor.expectEnd();
  return { kind: "describeTable", table, history };
}
