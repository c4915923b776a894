// ALTER TABLE: a list of actions separated by commas. Those PostgreSQL has are read by its own grammar, one at a time and in their place; RENAME, MODIFY
// and SET are read here. The actions stay in the order they were written.
import type { AlterTableCmd, ColumnDef } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { type Name, parseName } from "../../base/ids.ts";
import { ACCESS_LEVELS, type AccessLevel } from "../../model/role.ts";
import { SYSTEM_COLUMNS } from "../../model/schema.ts";
import type { AlterAction, AlterTable } from "../statement.ts";
import { utf16OffsetsOf } from "./locations.ts";
import { parseNewColumn, takeTableRef } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import type { BatchPart } from "./split-batch.ts";
import { unsupported } from "./syntax-error.ts";
import { columnOf } from "./table-columns.ts";
import { parseDeletedRetention, takeOptionValue } from "./table-options.ts";
import { Cursor, tokenAt } from "./tokens.ts";

/** Actions of one statement; more are refused. */
const MAX_ACTIONS = 1_000;

export function parseAlterTable(cursor: Cursor, postgres: Postgres, part: BatchPart): AlterTable {
  cursor.expectWords("ALTER", "TABLE");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  if (cursor.isWord("ONLY")) throw unsupported("ALTER TABLE ONLY", cursor.peek().start);
  const table = takeTableRef(cursor);
  const actions: AlterAction[] = [];
  do {
    if (actions.length === MAX_ACTIONS) throw invalid(`ALTER TABLE takes at most ${MAX_ACTIONS} actions`);
    actions.push(takeAction(cursor, { postgres, chainTokens: part.chainTokens }));
  } while (cursor.takeSymbol(","));
  cursor.expectEnd();
  return { kind: "alterTable", ifExists, table, actions };
}

interface Grammar {
  readonly postgres: Postgres;
  readonly chainTokens: number;
}

function takeAction(cursor: Cursor, grammar: Grammar): AlterAction {
  if (cursor.takeWords("RENAME")) return takeRename(cursor);
  if (cursor.takeWords("SET")) return takeSet(cursor);
  if (cursor.takeWords("MODIFY")) {
    cursor.takeWords("COLUMN");
    return modifyAction(takePostgres(cursor, "ALTER TABLE t ADD", grammar));
  }
  const { start } = cursor.peek();
  for (const verb of ["CREATE", "DROP"]) {
    for (const object of [["INDEX"], ["VECTOR", "INDEX"]]) {
      if (cursor.takeWords(verb, ...object)) throw unsupported(`ALTER TABLE … ${verb} INDEX`, start);
    }
  }
  if (!["ADD", "DROP", "ALTER"].some((verb) => cursor.isWord(verb))) throw cursor.unexpected();
  return postgresAction(takePostgres(cursor, "ALTER TABLE t", grammar));
}

function takeRename(cursor: Cursor): AlterAction {
  const { start } = cursor.peek();
  for (const other of ["TO", "CONSTRAINT"]) {
    if (cursor.isWord(other)) throw unsupported(`ALTER TABLE … RENAME ${other}`, start);
  }
  cursor.takeWords("COLUMN");
  const column = knownColumn(cursor.expectText());
  cursor.expectWords("TO");
  return { kind: "renameColumn", column, to: parseNewColumn(cursor.expectText()) };
}

/** `SET ACCESS LEVEL level` and `SET TBLPROPERTIES (property = value)`. */
function takeSet(cursor: Cursor): AlterAction {
  if (cursor.takeWords("ACCESS", "LEVEL")) return { kind: "setAccessLevel", level: accessLevel(cursor.expectText()) };
  cursor.expectWords("TBLPROPERTIES");
  cursor.expectSymbol("(");
  const property = cursor.expectText().toUpperCase();
  cursor.expectSymbol("=");
  const action = propertyAction(property, takeOptionValue(cursor));
  cursor.expectSymbol(")");
  return action;
}

function propertyAction(property: string, value: string): AlterAction {
  if (property === "ACCESS_LEVEL") return { kind: "setAccessLevel", level: accessLevel(value) };
  if (property === "DELETED_RETENTION_HOURS") {
    const hours = value.toUpperCase() === "DEFAULT" ? undefined : parseDeletedRetention(value);
    return { kind: "setDeletedRetention", hours };
  }
  throw invalid(`Unknown table property '${property}' (only ACCESS_LEVEL and DELETED_RETENTION_HOURS can be set)`);
}

function accessLevel(text: string): AccessLevel {
  const level = ACCESS_LEVELS.find((known) => known === text.toLowerCase());
  if (level !== undefined) return level;
  throw invalid(`ACCESS_LEVEL must be one of ${ACCESS_LEVELS.join(", ").toUpperCase()}, not '${text}'`);
}

interface PostgresAction {
  readonly command: AlterTableCmd;
  /** What its locations count in. */
  readonly source: string;
}

/** Reads to the comma that ends the action. `prefix` stands in for what was read before; locations stay those of the statement. */
function takePostgres(cursor: Cursor, prefix: string, { postgres, chainTokens }: Grammar): PostgresAction {
  const { start } = cursor.peek();
  const end = endOfAction(cursor.source, start);
  cursor.moveTo(end);
  const source = prefix.padEnd(start) + cursor.source.slice(start, end);
  const node = postgres.parse({ text: source, chainTokens });
  const [command] = "AlterTableStmt" in node ? (node.AlterTableStmt.cmds ?? []) : [];
  if (command === undefined || !("AlterTableCmd" in command)) throw unsupported("This form of ALTER TABLE", start);
  return { command: command.AlterTableCmd, source };
}

function endOfAction(source: string, start: number): number {
  let depth = 0;
  let token = tokenAt(source, start);
  for (; token.kind !== "end"; token = tokenAt(source, token.end)) {
    if (token.kind !== "symbol") continue;
    if (token.text === "(" || token.text === "[") depth++;
    else if (token.text === ")" || token.text === "]") depth--;
    else if (token.text === "," && depth === 0) break;
  }
  return token.start;
}

function postgresAction(action: PostgresAction): AlterAction {
  const { command, source } = action;
  if (command.behavior === "DROP_CASCADE") throw unsupported("ALTER TABLE … CASCADE");
  switch (command.subtype) {
    case "AT_AddColumn":
      return { kind: "addColumn", ifNotExists: command.missing_ok ?? false, column: newColumn(action).column };
    case "AT_DropColumn":
      return { kind: "dropColumn", ifExists: command.missing_ok ?? false, column: knownColumn(command.name ?? "") };
    case "AT_SetNotNull":
    case "AT_DropNotNull":
      return {
        kind: "setNullable",
        column: knownColumn(command.name ?? ""),
        nullable: command.subtype === "AT_DropNotNull",
      };
    case "AT_ColumnDefault": {
      const column = knownColumn(command.name ?? "");
      if (command.def === undefined) return { kind: "dropDefault", column };
      return { kind: "setDefault", column, value: command.def, source };
    }
    case "AT_AlterColumnType":
      return typeAction(action);
    default:
      throw unsupported("This form of ALTER TABLE");
  }
}

function typeAction(action: PostgresAction): AlterAction {
  const { raw_default: using, collClause } = definitionOf(action);
  if (using !== undefined) throw unsupported("ALTER COLUMN … TYPE … USING");
  if (collClause !== undefined) throw unsupported("COLLATE");
  const column = knownColumn(action.command.name ?? "");
  const { type } = readDefinition(action, column).column;
  return { kind: "setType", column, type, nullable: undefined };
}

function modifyAction(action: PostgresAction): AlterAction {
  const { colname = "", constraints = [] } = definitionOf(action);
  const column = knownColumn(colname);
  const kinds = constraints.map((node) => ("Constraint" in node ? node.Constraint.contype : undefined));
  if (!kinds.every((kind) => kind === "CONSTR_NULL" || kind === "CONSTR_NOTNULL")) {
    throw unsupported("MODIFY COLUMN with more than a type and NULL or NOT NULL");
  }
  const { type, nullable } = readDefinition(action, column).column;
  return { kind: "setType", column, type, nullable: kinds.length === 0 ? undefined : nullable };
}

function newColumn(action: PostgresAction) {
  const read = readDefinition(action, undefined);
  if (read.isKey) throw unsupported("ADD COLUMN … PRIMARY KEY");
  if (read.isUnique) throw unsupported("ADD COLUMN … UNIQUE");
  return read;
}

/** As CREATE TABLE reads a column. `name`: of a column that is there, where the definition may leave it out. */
function readDefinition(action: PostgresAction, name: Name | undefined) {
  const definition = definitionOf(action);
  const from = { source: action.source, toUtf16: utf16OffsetsOf(action.source), generated: new Set<number>() };
  return columnOf(name === undefined ? definition : { ...definition, colname: name }, from);
}

function definitionOf({ command }: PostgresAction): ColumnDef {
  if (command.def !== undefined && "ColumnDef" in command.def) return command.def.ColumnDef;
  throw unsupported("This form of ALTER TABLE");
}

function knownColumn(text: string): Name {
  const isSystem = SYSTEM_COLUMNS.some(({ name }) => name === text.toLowerCase());
  if (isSystem) throw unsupported(`Altering the system column '${text.toLowerCase()}'`);
  return parseName(text, "Column name");
}

function invalid(message: string): DbError {
  return new DbError("INVALID_SQL", message);
}
