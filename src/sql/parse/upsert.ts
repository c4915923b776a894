// UPSERT INTO: an INSERT whose rows replace those of the same key.
import { DbError } from "../../base/errors.ts";
import type { Statement } from "../statement.ts";
import type { Postgres } from "./postgres.ts";
import type { BatchPart } from "./split-batch.ts";
import { syntaxError, unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

/** To PostgreSQL's parser it is an INSERT, of the same length, so that positions stay. The conflict clause without a SET list says what it was. */
export function parseUpsert(cursor: Cursor, postgres: Postgres, part: BatchPart): Statement {
  const { start, end, text } = cursor.take();
  if (!cursor.isWord("INTO")) throw syntaxError(cursor.peek().text, cursor.peek().start);
  const insert = `${part.text.slice(0, start)}INSERT${part.text.slice(end)}`;
  const node = postgres.parse({ text: insert, chainTokens: part.chainTokens });
  if (!("InsertStmt" in node)) throw unsupported(text, start);
  if (node.InsertStmt.onConflictClause !== undefined) {
    throw new DbError("INVALID_SQL", "UPSERT has no ON CONFLICT clause: it replaces the row of the same key");
  }
  const onConflictClause = { action: "ONCONFLICT_UPDATE" } as const;
  return { kind: "insert", node: { InsertStmt: { ...node.InsertStmt, onConflictClause } } };
}
