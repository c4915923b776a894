// CREATE INDEX and DROP INDEX. What PostgreSQL's indexes have and these have not is refused by its name.
import { DbError } from "../../base/errors.ts";
import type { Name } from "../../base/ids.ts";
import type { IndexedColumn, Statement } from "../statement.ts";
import { parseNewName, takeTableRef } from "./names.ts";
import { unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

const UNIQUE_HINT =
  "Rows that were flushed to Parquet are in no index, so it could not be kept. What must be unique is the table's PRIMARY KEY.";
const CONCURRENTLY_HINT =
  "Leave the word out: reads go on while an index is built, and writes wait for it without failing.";

/** `CREATE INDEX [[IF NOT EXISTS] name] ON [ns.]table [USING btree] (column [ASC | DESC], …)` */
export function parseCreateIndex(cursor: Cursor): Statement {
  cursor.expectWords("CREATE");
  if (cursor.isWord("UNIQUE")) throw refused("CREATE UNIQUE INDEX", UNIQUE_HINT, cursor);
  cursor.expectWords("INDEX");
  refuseConcurrently(cursor, "CREATE");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const name = !ifNotExists && cursor.isWord("ON") ? undefined : takeIndexName(cursor);
  cursor.expectWords("ON");
  if (cursor.isWord("ONLY")) throw unsupported("ONLY", cursor.peek().start);
  const table = takeTableRef(cursor);
  if (cursor.takeWords("USING")) takeMethod(cursor);
  const columns = takeColumns(cursor);
  refuseTail(cursor);
  cursor.expectEnd();
  return { kind: "createIndex", ifNotExists, name, table, columns };
}

function refuseConcurrently(cursor: Cursor, verb: string): void {
  if (!cursor.isWord("CONCURRENTLY")) return;
  throw refused(`${verb} INDEX CONCURRENTLY`, CONCURRENTLY_HINT, cursor);
}

function refused(what: string, hint: string, cursor: Cursor): DbError {
  return new DbError("UNSUPPORTED", `${what} is not supported`, { hint, position: cursor.peek().start });
}

function takeIndexName(cursor: Cursor): Name {
  const { kind, text } = cursor.peek();
  if (kind !== "word" && kind !== "name") throw cursor.unexpected();
  const name = parseNewName(text, "Index name");
  cursor.take();
  return name;
}

function takeMethod(cursor: Cursor): void {
  const { start } = cursor.peek();
  const method = cursor.expectText();
  if (method.toLowerCase() !== "btree") throw unsupported(`An index of method ${method}`, start);
}

function takeColumns(cursor: Cursor): IndexedColumn[] {
  const columns: IndexedColumn[] = [];
  cursor.expectSymbol("(");
  do {
    if (cursor.peek().text === "(") throw unsupported("An index of an expression", cursor.peek().start);
    const { start } = cursor.peek();
    const name = cursor.expectName("Column name");
    if (cursor.peek().text === "(") throw unsupported("An index of an expression", start);
    columns.push({ name, descending: takeDirection(cursor), position: start });
  } while (cursor.takeSymbol(","));
  cursor.expectSymbol(")");
  return columns;
}

function takeDirection(cursor: Cursor): boolean {
  if (cursor.isWord("COLLATE")) throw unsupported("COLLATE", cursor.peek().start);
  const descending = cursor.takeWords("DESC");
  if (!descending) cursor.takeWords("ASC");
  if (cursor.isWord("NULLS")) throw unsupported("NULLS FIRST and NULLS LAST in an index", cursor.peek().start);
  const { kind, text, start } = cursor.peek();
  if (kind === "word") throw unsupported(`The operator class ${text} of an index`, start);
  return descending;
}

const TAIL_WORDS = ["INCLUDE", "NULLS", "WITH", "TABLESPACE", "WHERE"];

function refuseTail(cursor: Cursor): void {
  const word = TAIL_WORDS.find((known) => cursor.isWord(known));
  if (word !== undefined) throw unsupported(`CREATE INDEX … ${word}`, cursor.peek().start);
}

/** `DROP INDEX [IF EXISTS] [ns.]name [ON [ns.]table] [RESTRICT]` */
export function parseDropIndex(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "INDEX");
  refuseConcurrently(cursor, "DROP");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const { namespace, name } = takeTableRef(cursor);
  const on = cursor.takeWords("ON") ? takeTableRef(cursor) : undefined;
  if (cursor.isWord("CASCADE")) throw unsupported("DROP INDEX … CASCADE", cursor.peek().start);
  cursor.takeWords("RESTRICT");
  if (cursor.takeSymbol(",")) throw unsupported("DROP INDEX of several indexes");
  cursor.expectEnd();
  return { kind: "dropIndex", ifExists, namespace, name, on };
}
