// The column list of CREATE TABLE, read by PostgreSQL's own grammar: types, nullability, defaults, the primary key. A constraint this
// server does not enforce is refused by name.
import type { ColumnDef, Constraint, ConstrType, Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { Name } from "../../base/ids.ts";
import type { ColumnDefault, TableKind } from "../../model/schema.ts";
import { BIGINT, type SqlType, type TypeKind } from "../../model/sql-type.ts";
import { typeText } from "../../model/types.ts";
import type { ColumnDefinition } from "../statement.ts";
import { columnDefaultOf, functionDefault } from "./column-default.ts";
import type { ToUtf16 } from "./locations.ts";
import { parseNewColumn } from "./names.ts";
import { unsupported } from "./syntax-error.ts";
import { columnTypeOf, nameOf } from "./type-name.ts";

export const MAX_COLUMNS = 1_000;

export interface TableColumns {
  readonly columns: readonly ColumnDefinition[];
  /** Columns named by PRIMARY KEY, in order. */
  readonly keys: readonly Name[];
}

export interface ColumnsSource {
  /** What the elements were parsed from. */
  readonly source: string;
  readonly toUtf16: ToUtf16;
  /** Starts of the columns marked AUTO_INCREMENT or IDENTITY. */
  readonly generated: ReadonlySet<number>;
}

export function tableColumnsOf(elements: readonly Node[], from: ColumnsSource): TableColumns {
  if (elements.length > MAX_COLUMNS) throw invalid(`tables can have at most ${MAX_COLUMNS} columns`);
  const columns: ColumnDefinition[] = [];
  const keys: Name[] = [];
  const uniqueColumns: Name[] = [];
  for (const element of elements) {
    if ("ColumnDef" in element) {
      const { column, isKey, isUnique } = columnOf(element.ColumnDef, from);
      if (columns.some(({ name }) => name === column.name)) {
        throw invalid(
          `column "${column.name}" specified more than once`,
          from.toUtf16(element.ColumnDef.location ?? 0),
        );
      }
      columns.push(column);
      if (isKey) keys.push(column.name);
      if (isUnique) uniqueColumns.push(column.name);
    } else if ("Constraint" in element) {
      readTableConstraint(element.Constraint, { keys, uniqueColumns, toUtf16: from.toUtf16 });
    } else {
      throw unsupported("LIKE in CREATE TABLE");
    }
  }
  const extra = uniqueColumns.find((name) => !(keys.length === 1 && keys[0] === name));
  if (extra !== undefined) throw unsupported(`UNIQUE on column '${extra}', which is not the PRIMARY KEY,`);
  return {
    columns: columns.map((column) => (keys.includes(column.name) ? { ...column, nullable: false } : column)),
    keys,
  };
}

function readTableConstraint(
  constraint: Constraint,
  found: { readonly keys: Name[]; readonly uniqueColumns: Name[]; readonly toUtf16: ToUtf16 },
): void {
  const position = found.toUtf16(constraint.location ?? 0);
  const names = (constraint.keys ?? []).flatMap((key) =>
    "String" in key ? [parseNewColumn(key.String.sval ?? "")] : [],
  );
  if (constraint.contype === "CONSTR_PRIMARY") {
    if (found.keys.length > 0) throw invalid("multiple primary keys are not allowed", position);
    found.keys.push(...names);
  } else if (constraint.contype === "CONSTR_UNIQUE" && names.length === 1) {
    found.uniqueColumns.push(...names);
  } else {
    throw unsupported(constraintText(constraint.contype), position);
  }
}

const SERIALS = ["serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"];

interface ColumnFacts {
  readonly name: Name;
  readonly type: SqlType;
  readonly source: string;
  readonly toUtf16: ToUtf16;
  isKey: boolean;
  isUnique: boolean;
  isGenerated: boolean;
  nullable: boolean | undefined;
  default: ColumnDefault | undefined;
}

export function columnOf(
  node: ColumnDef,
  { source, toUtf16, generated }: ColumnsSource,
): { readonly column: ColumnDefinition; readonly isKey: boolean; readonly isUnique: boolean } {
  const position = toUtf16(node.location ?? 0);
  const name = parseNewColumn(node.colname ?? "");
  if (node.typeName === undefined) throw invalid(`column '${name}' has no type`, position);
  // As in PostgreSQL, SERIAL is no type but an integer with a generated default; a snowflake id needs 64 bits.
  const isSerial = SERIALS.includes(nameOf(node.typeName, source, toUtf16));
  const facts: ColumnFacts = {
    name,
    type: isSerial ? BIGINT : columnTypeOf(node.typeName, source, toUtf16),
    source,
    toUtf16,
    isKey: false,
    isUnique: false,
    isGenerated: isSerial || generated.has(position),
    nullable: undefined,
    default: undefined,
  };
  if (node.collClause !== undefined) throw unsupported("COLLATE", position);
  for (const constraint of node.constraints ?? []) {
    if ("Constraint" in constraint) readColumnConstraint(facts, constraint.Constraint);
  }
  const { isKey, isUnique, type } = facts;
  const given = facts.isGenerated ? functionDefault("SNOWFLAKE_ID", facts) : facts.default;
  if (facts.isGenerated && facts.default !== undefined) {
    throw invalid(`column '${name}' has both a DEFAULT and a generated value`, position);
  }
  const nullable = !isSerial && (facts.nullable ?? true);
  return { column: { name, type, nullable, default: given }, isKey, isUnique };
}

function readColumnConstraint(facts: ColumnFacts, constraint: Constraint): void {
  const position = facts.toUtf16(constraint.location ?? 0);
  switch (constraint.contype) {
    case "CONSTR_NULL":
    case "CONSTR_NOTNULL": {
      const nullable = constraint.contype === "CONSTR_NULL";
      if (facts.nullable === !nullable) {
        throw invalid(`conflicting NULL/NOT NULL declarations for column "${facts.name}"`, position);
      }
      facts.nullable = nullable;
      return;
    }
    case "CONSTR_DEFAULT": {
      if (constraint.raw_expr !== undefined) facts.default = columnDefaultOf(constraint.raw_expr, facts);
      return;
    }
    case "CONSTR_PRIMARY":
      facts.isKey = true;
      return;
    case "CONSTR_UNIQUE":
      facts.isUnique = true;
      return;
    case "CONSTR_IDENTITY":
      if ((constraint.options ?? []).length > 0) throw unsupported("IDENTITY with sequence options", position);
      facts.isGenerated = true;
      return;
    default:
      throw unsupported(`${constraintText(constraint.contype)} on column '${facts.name}'`, position);
  }
}

function constraintText(type: ConstrType | undefined): string {
  switch (type) {
    case "CONSTR_CHECK":
      return "CHECK";
    case "CONSTR_FOREIGN":
      return "FOREIGN KEY";
    case "CONSTR_UNIQUE":
      return "UNIQUE over several columns";
    case "CONSTR_EXCLUSION":
      return "EXCLUDE";
    case "CONSTR_GENERATED":
      return "GENERATED ALWAYS AS (…) STORED";
    default:
      return "This constraint";
  }
}

/** Rows of a STREAM table come and go without a word to anybody who keeps files. */
export function assertFits(kind: TableKind, { name, type }: Pick<ColumnDefinition, "name" | "type">): void {
  if (kind === "stream" && type.kind === "file") throw unsupported(`Column '${name}' of type FILE in a STREAM table`);
}

const KEY_TYPES: readonly TypeKind[] = ["bigint", "int", "smallint", "text", "uuid"];

/** The one key column every table has. `what` begins the message: "User tables". */
export function keyOf({ columns, keys }: TableColumns, what: string): Name {
  const [key] = keys;
  if (key === undefined) throw invalid(`${what} require a PRIMARY KEY column`);
  if (keys.length > 1) throw unsupported("A composite PRIMARY KEY");
  const column = columns.find(({ name }) => name === key);
  if (column === undefined) throw invalid(`column "${key}" named in key does not exist`);
  if (KEY_TYPES.includes(column.type.kind)) return key;
  const allowed = "BIGINT, INT, SMALLINT, TEXT or UUID";
  throw invalid(`PRIMARY KEY column '${key}' cannot be of type ${typeText(column.type)} (use ${allowed})`);
}

function invalid(message: string, position?: number): DbError {
  return new DbError("INVALID_SQL", message, position === undefined ? {} : { position });
}
