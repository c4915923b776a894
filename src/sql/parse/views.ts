// CREATE VIEW and DROP VIEW.

import { DbError } from "../../base/errors.ts";
import type { Name } from "../../base/ids.ts";
import type { Statement } from "../statement.ts";
import { assertNewTable, parseNewColumn, takeTableRef } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import { dataStatementOf } from "./postgres-statement.ts";
import type { BatchPart } from "./split-batch.ts";
import { syntaxError, unsupported, withOffset } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

/** `CREATE [OR REPLACE] VIEW [IF NOT EXISTS] [ns.]v [(column, …)] AS select` */
export function parseCreateView(cursor: Cursor, postgres: Postgres, part: BatchPart): Statement {
  cursor.expectWords("CREATE");
  const orReplace = cursor.takeWords("OR", "REPLACE");
  cursor.expectWords("VIEW");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  if (orReplace && ifNotExists) throw new DbError("INVALID_SQL", "OR REPLACE and IF NOT EXISTS exclude each other");
  const view = takeTableRef(cursor);
  assertNewTable(view);
  const columns = cursor.peek().text === "(" ? takeColumns(cursor) : [];
  if (cursor.isWord("WITH")) throw unsupported("CREATE VIEW … WITH options", cursor.peek().start);
  cursor.expectWords("AS");
  const { start } = cursor.peek();
  const selectText = cursor.source.slice(start);
  if (selectText === "") throw syntaxError("", start);
  const node = withOffset(start, () => postgres.parse({ text: selectText, chainTokens: part.chainTokens }));
  const select = dataStatementOf(node);
  if (select?.kind !== "select") throw unsupported("a view of anything but a SELECT", start);
  return { kind: "createView", orReplace, ifNotExists, view, columns, select, selectText };
}

function takeColumns(cursor: Cursor): Name[] {
  const names: Name[] = [];
  cursor.expectSymbol("(");
  do {
    const { kind, text } = cursor.peek();
    if (kind !== "word" && kind !== "name") throw cursor.unexpected();
    names.push(parseNewColumn(text));
    cursor.take();
  } while (cursor.takeSymbol(","));
  cursor.expectSymbol(")");
  return names;
}

export function parseDropView(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "VIEW");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const view = takeTableRef(cursor);
  if (cursor.isWord("CASCADE")) throw unsupported("DROP VIEW … CASCADE", cursor.peek().start);
  cursor.takeWords("RESTRICT");
  cursor.expectEnd();
  return { kind: "dropView", ifExists, view };
}
