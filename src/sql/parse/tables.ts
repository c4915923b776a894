// CREATE [USER|SHARED|STREAM] TABLE and DROP TABLE. The words PostgreSQL lacks are blanked out, never cut, so that its parser reads the
// rest and every position still fits the text.
import { DbError } from "../../base/errors.ts";
import { parseName } from "../../base/ids.ts";
import { TABLE_KINDS, type TableKind } from "../../model/schema.ts";
import { BIGINT } from "../../model/sql-type.ts";
import type { ColumnDefinition, CreateTable, Statement } from "../statement.ts";
import { utf16OffsetsOf } from "./locations.ts";
import { assertNewTable, takeTableRef } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import type { BatchPart } from "./split-batch.ts";
import { unsupported } from "./syntax-error.ts";
import { assertFits, keyOf, type TableColumns, tableColumnsOf } from "./table-columns.ts";
import { assertOptionsFit, NO_TABLE_OPTIONS, type TableOptionValues, takeTableOptions } from "./table-options.ts";
import { type Cursor, type Token, tokenAt } from "./tokens.ts";

function takeTableKind(cursor: Cursor): TableKind | undefined {
  return TABLE_KINDS.find((kind) => cursor.takeWords(kind.toUpperCase()));
}

export function parseCreateTable(cursor: Cursor, postgres: Postgres, part: BatchPart): CreateTable {
  cursor.expectWords("CREATE");
  const keyword = takeTableKind(cursor);
  cursor.expectWords("TABLE");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const table = takeTableRef(cursor);
  assertNewTable(table);
  if (cursor.isWord("AS")) throw unsupported("CREATE TABLE … AS", cursor.peek().start);
  const list = takeColumnList(cursor);
  const options = takeTail(cursor);
  const tableKind = agreedKind(keyword, options);
  assertOptionsFit(tableKind, options);
  const columns = keyedColumns(tableKind, readColumns(list, postgres, part));
  for (const column of columns.columns) assertFits(tableKind, column);
  const what = `${tableKind.charAt(0).toUpperCase()}${tableKind.slice(1)} tables`;
  return {
    kind: "createTable",
    ifNotExists,
    table,
    tableKind,
    columns: columns.columns,
    key: keyOf(columns, what),
    storageId: options.storageId,
    useUserStorage: options.useUserStorage,
    flushPolicy: options.flushPolicy,
    accessLevel: options.accessLevel,
    ttlSeconds: options.ttlSeconds,
    isPersisted: options.isPersisted,
    deletedRetentionHours: options.deletedRetentionHours,
  };
}

/** A STREAM table without a key gets one, so that its rows can be told apart: a generated last column. */
function keyedColumns(kind: TableKind, given: TableColumns): TableColumns {
  if (kind !== "stream" || given.keys.length > 0) return given;
  const name = parseName("row_id");
  if (given.columns.some((column) => column.name === name)) {
    throw new DbError("INVALID_SQL", `A STREAM table with a column '${name}' must name its PRIMARY KEY`);
  }
  const key: ColumnDefinition = {
    name,
    type: BIGINT,
    nullable: false,
    default: { kind: "function", name: "SNOWFLAKE_ID" },
  };
  return { columns: [...given.columns, key], keys: [name] };
}

interface ColumnList {
  /** The list with its brackets, as PostgreSQL can read it. */
  readonly text: string;
  /** Where the opening bracket stands in the statement. */
  readonly start: number;
  /** Starts of the columns marked AUTO_INCREMENT or IDENTITY. */
  readonly generated: ReadonlySet<number>;
}

const GENERATED_MARKS = ["AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY"];

function takeColumnList(cursor: Cursor): ColumnList {
  const { start } = cursor.peek();
  const { end } = cursor.takeBracketed();
  const generated = new Set<number>();
  let text = "";
  let copied = start;
  for (const { column, mark } of generatedMarks(cursor.source, start, end)) {
    generated.add(column);
    text += `${cursor.source.slice(copied, mark.start)}${" ".repeat(mark.end - mark.start)}`;
    copied = mark.end;
  }
  return { text: text + cursor.source.slice(copied, end + 1), start, generated };
}

interface GeneratedMark {
  /** Where the definition of the column starts. */
  readonly column: number;
  readonly mark: Token;
}

/** The words AUTO_INCREMENT and IDENTITY where PostgreSQL would not read them itself. */
function* generatedMarks(source: string, start: number, end: number): Generator<GeneratedMark> {
  let depth = 0;
  let column: number | undefined;
  let previousWord = "";
  for (let token = tokenAt(source, start); token.end <= end; token = tokenAt(source, token.end)) {
    const word = token.kind === "word" ? token.text.toUpperCase() : "";
    // GENERATED … AS IDENTITY is PostgreSQL's own; the first word of an item is the column's name.
    const isMark = column !== undefined && depth === 1 && previousWord !== "AS" && GENERATED_MARKS.includes(word);
    if (isMark && column !== undefined) yield { column, mark: token };
    previousWord = word;
    if (token.kind !== "symbol") column ??= token.start;
    else if (token.text === "(") depth++;
    else if (token.text === ")") depth--;
    else if (token.text === "," && depth === 1) column = undefined;
  }
}

const PREFIX = "CREATE TABLE t";

function readColumns(list: ColumnList, postgres: Postgres, part: BatchPart): TableColumns {
  const source = PREFIX.padEnd(list.start) + list.text;
  const node = postgres.parse({ text: source, chainTokens: part.chainTokens });
  const elements = "CreateStmt" in node ? (node.CreateStmt.tableElts ?? []) : [];
  return tableColumnsOf(elements, { source, toUtf16: utf16OffsetsOf(source), generated: list.generated });
}

/** `[USING ident] [WITH (…)]` and nothing more. The access method is read and not used, as in the peer. */
function takeTail(cursor: Cursor): TableOptionValues {
  if (cursor.takeWords("USING")) cursor.expectText();
  const options = cursor.takeWords("WITH") ? takeTableOptions(cursor) : NO_TABLE_OPTIONS;
  cursor.expectEnd();
  return options;
}

function agreedKind(keyword: TableKind | undefined, { kind }: TableOptionValues): TableKind {
  if (keyword !== undefined && kind !== undefined && keyword !== kind) {
    const message = `Table option TYPE '${kind.toUpperCase()}' does not agree with CREATE ${keyword.toUpperCase()} TABLE`;
    throw new DbError("INVALID_SQL", message);
  }
  return keyword ?? kind ?? "shared";
}

export function parseDropTable(cursor: Cursor): Statement {
  cursor.expectWords("DROP");
  // The kind is a reminder to the reader; the table's own is not compared with it.
  takeTableKind(cursor);
  cursor.expectWords("TABLE");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const table = takeTableRef(cursor);
  if (cursor.isWord("CASCADE")) throw unsupported("DROP TABLE … CASCADE", cursor.peek().start);
  cursor.takeWords("RESTRICT");
  if (cursor.takeSymbol(",")) throw unsupported("DROP TABLE of several tables");
  cursor.expectEnd();
  return { kind: "dropTable", ifExists, table };
}
