// ALTER TABLE as a pure function: a table's definition and a list of actions → the next definition, what must be true of the rows before it may be
// committed, and the words that say what was done.
import { assertNever, DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import {
  type Column,
  type ColumnDefault,
  type DefaultFunction,
  keyColumn,
  qualifiedName,
  type TableSchema,
} from "../model/schema.ts";
import { type Cell, type SqlType, sameType, type TypeKind } from "../model/sql-type.ts";
import { TYPES, typeText } from "../model/types.ts";
import { columnDefaultOf } from "../sql/parse/column-default.ts";
import { utf16OffsetsOf } from "../sql/parse/locations.ts";
import { assertFits, MAX_COLUMNS } from "../sql/parse/table-columns.ts";
import type { AlterAction } from "../sql/statement.ts";
import type { TableAlteration } from "../storage/seams.ts";

/** What the rows of the table must satisfy, on account of a column (by id). */
export interface RowCondition {
  /** `noNulls`: in a column the table already has. */
  readonly kind: "noNulls" | "noRows";
  readonly column: number;
  readonly failure: DbError;
}

export interface Alteration {
  readonly change: TableAlteration;
  /** False: the table already is as the statement wants it. */
  readonly isEffective: boolean;
  readonly conditions: readonly RowCondition[];
  /** `ADD COLUMN c INT, DROP COLUMN d`. */
  readonly text: string;
}

interface Draft {
  readonly table: TableSchema;
  columns: readonly Column[];
  readonly key: Column;
  lastColumnId: number;
  options: TableSchema["options"];
  isEffective: boolean;
  readonly conditions: RowCondition[];
  /** Ids of columns that this statement adds. */
  readonly added: Set<number>;
  /** A default's value at this moment, for the rows that are already there. */
  readonly generate: (column: Column) => Cell;
}

export function alterColumns(
  table: TableSchema,
  actions: readonly AlterAction[],
  generate: (column: Column) => Cell,
): Alteration {
  const draft: Draft = {
    table,
    columns: table.columns,
    key: keyColumn(table),
    lastColumnId: table.lastColumnId ?? Math.max(...table.columns.map(({ id }) => id)),
    options: table.options,
    isEffective: false,
    conditions: [],
    added: new Set(),
    generate,
  };
  const texts = actions.map((action) => apply(draft, action));
  const { columns, lastColumnId, options, isEffective } = draft;
  if (columns.length > MAX_COLUMNS) throw invalid(`tables can have at most ${MAX_COLUMNS} columns`);
  const keyIndex = columns.findIndex(({ id }) => id === draft.key.id);
  return {
    change: { columns, keyIndex, options, lastColumnId, ...indexesLeft(table, columns) },
    isEffective,
    conditions: draft.conditions.filter((condition) => stillApplies(columns, condition)),
    text: texts.join(", "),
  };
}

/** An index goes with any of its columns, as in PostgreSQL. */
function indexesLeft(table: TableSchema, columns: readonly Column[]): Pick<TableAlteration, "indexes"> {
  if (table.indexes === undefined) return {};
  const present = new Set(columns.map(({ id }) => id));
  return { indexes: table.indexes.filter((index) => index.columns.every(({ id }) => present.has(id))) };
}

/** A later action of the same statement may have dropped the column or allowed NULL again. */
function stillApplies(columns: readonly Column[], { kind, column: id }: RowCondition): boolean {
  return columns.some((column) => column.id === id && (kind === "noRows" || !column.nullable));
}

/** Returns the action's words. */
function apply(draft: Draft, action: AlterAction): string {
  switch (action.kind) {
    case "addColumn":
      return addColumn(draft, action);
    case "dropColumn":
      return dropColumn(draft, action);
    case "renameColumn":
      return renameColumn(draft, action);
    case "setNullable":
      setNullable(draft, requireColumn(draft, action.column), action.nullable);
      return `ALTER COLUMN ${action.column} ${action.nullable ? "DROP" : "SET"} NOT NULL`;
    case "setDefault": {
      const column = requireColumn(draft, action.column);
      const from = { name: column.name, type: column.type, source: action.source };
      setDefault(draft, column, columnDefaultOf(action.value, { ...from, toUtf16: utf16OffsetsOf(action.source) }));
      return `ALTER COLUMN ${action.column} SET DEFAULT`;
    }
    case "dropDefault":
      setDefault(draft, requireColumn(draft, action.column), undefined);
      return `ALTER COLUMN ${action.column} DROP DEFAULT`;
    case "setType":
      return setType(draft, action);
    case "setAccessLevel":
      return setAccessLevel(draft, action.level);
    case "setDeletedRetention":
      return setDeletedRetention(draft, action.hours);
    default:
      return assertNever(action, "ALTER TABLE action");
  }
}

function find(draft: Draft, name: Name): Column | undefined {
  return draft.columns.find((column) => column.name === name);
}

function requireColumn(draft: Draft, name: Name): Column {
  const column = find(draft, name);
  if (column !== undefined) return column;
  throw new DbError("COLUMN_NOT_FOUND", `column "${name}" of relation "${draft.table.name}" does not exist`);
}

function replace(draft: Draft, column: Column): void {
  draft.columns = draft.columns.map((other) => (other.id === column.id ? column : other));
  draft.isEffective = true;
}

function assertFree(draft: Draft, name: Name): void {
  if (find(draft, name) === undefined) return;
  throw new DbError("ALREADY_EXISTS", `column "${name}" of relation "${draft.table.name}" already exists`);
}

/** Every row gets its own; one value for all the rows there are would be wrong. */
const GENERATED_FOR_EACH_ROW: readonly DefaultFunction[] = ["SNOWFLAKE_ID", "UUID_V7", "ULID"];

function addColumn(draft: Draft, { column, ifNotExists }: Extract<AlterAction, { kind: "addColumn" }>): string {
  const text = `ADD COLUMN ${column.name} ${typeText(column.type)}`;
  if (ifNotExists && find(draft, column.name) !== undefined) return text;
  assertFree(draft, column.name);
  assertFits(draft.table.kind, column);
  draft.lastColumnId += 1;
  const added: Column = { id: draft.lastColumnId, ...column };
  const isGenerated = column.default?.kind === "function" && GENERATED_FOR_EACH_ROW.includes(column.default.name);
  const initial = column.default === undefined || isGenerated ? null : draft.generate(added);
  if (isGenerated) {
    const message = `ADD COLUMN "${column.name}" with a DEFAULT generated for each row needs a table without rows`;
    const hint = "Add the column without the default, UPDATE the rows, then ALTER COLUMN … SET DEFAULT.";
    draft.conditions.push({ kind: "noRows", column: added.id, failure: new DbError("UNSUPPORTED", message, { hint }) });
  } else if (!column.nullable && initial === null) {
    draft.conditions.push({ kind: "noRows", column: added.id, failure: containsNulls(draft.table, column.name) });
  }
  draft.added.add(added.id);
  draft.columns = [...draft.columns, initial === null ? added : { ...added, initial }];
  draft.isEffective = true;
  return text;
}

function containsNulls(table: TableSchema, column: Name): DbError {
  return new DbError("NOT_NULL_VIOLATION", `column "${column}" of relation "${table.name}" contains null values`);
}

function dropColumn(draft: Draft, action: Extract<AlterAction, { kind: "dropColumn" }>): string {
  const text = `DROP COLUMN ${action.column}`;
  if (action.ifExists && find(draft, action.column) === undefined) return text;
  const { id } = requireColumn(draft, action.column);
  assertNotKey(draft, id, "dropped");
  draft.columns = draft.columns.filter((column) => column.id !== id);
  draft.isEffective = true;
  return text;
}

function assertNotKey({ table, key }: Draft, id: number, done: string): void {
  if (id !== key.id) return;
  throw invalid(`column "${key.name}" is the primary key of table ${qualifiedName(table)} and cannot be ${done}`);
}

function renameColumn(draft: Draft, { column, to }: Extract<AlterAction, { kind: "renameColumn" }>): string {
  const found = requireColumn(draft, column);
  assertFree(draft, to);
  replace(draft, { ...found, name: to });
  return `RENAME COLUMN ${column} TO ${to}`;
}

function setNullable(draft: Draft, column: Column, nullable: boolean): void {
  if (column.nullable === nullable) return;
  if (nullable && column.id === draft.key.id) throw invalid(`column "${column.name}" is in a primary key`);
  replace(draft, { ...column, nullable });
  if (nullable) return;
  const failure = containsNulls(draft.table, column.name);
  const isAdded = draft.added.has(column.id);
  if (isAdded && column.initial !== undefined) return;
  draft.conditions.push({ kind: isAdded ? "noRows" : "noNulls", column: column.id, failure });
}

function setDefault(draft: Draft, column: Column, value: ColumnDefault | undefined): void {
  if (Bun.deepEquals(column.default, value, true)) return;
  replace(draft, { ...column, default: value });
}

/** To which types a column may be changed: those that hold every value of the old one, in the same stored form. */
const WIDER: Partial<Record<TypeKind, readonly TypeKind[]>> = {
  smallint: ["int", "bigint"],
  int: ["bigint"],
  float: ["double"],
};

function setType(draft: Draft, action: Extract<AlterAction, { kind: "setType" }>): string {
  const text = `ALTER COLUMN ${action.column} TYPE ${typeText(action.type)}`;
  const column = requireColumn(draft, action.column);
  if (!sameType(column.type, action.type)) {
    assertNotKey(draft, column.id, "given another type");
    if (!isWider(column.type, action.type)) throw notWider(column, action.type);
    replace(draft, widened(column, action.type));
  }
  if (action.nullable !== undefined) setNullable(draft, requireColumn(draft, action.column), action.nullable);
  return text;
}

function isWider(from: SqlType, to: SqlType): boolean {
  if (from.kind === "decimal" && to.kind === "decimal") return to.scale === from.scale && to.precision > from.precision;
  return WIDER[from.kind]?.includes(to.kind) ?? false;
}

function notWider(column: Column, to: SqlType): DbError {
  const message = `Changing column '${column.name}' from ${typeText(column.type)} to ${typeText(to)} is not supported`;
  const hint =
    "SMALLINT can become INT or BIGINT, INT BIGINT, FLOAT DOUBLE, and DECIMAL one of the same scale and more precision.";
  return new DbError("UNSUPPORTED", message, { hint });
}

function widened(column: Column, type: SqlType): Column {
  const convert = (cell: Cell): Cell => {
    return cell === null ? null : TYPES[type.kind].parse(TYPES[column.type.kind].toText(cell, column.type), type);
  };
  const { default: value, initial } = column;
  return {
    ...column,
    type,
    default: value?.kind === "literal" ? { kind: "literal", value: convert(value.value) } : value,
    ...(initial === undefined ? {} : { initial: convert(initial) }),
  };
}

function setAccessLevel(draft: Draft, level: TableSchema["options"]["accessLevel"]): string {
  if (draft.table.kind !== "shared") throw invalid("ACCESS_LEVEL applies to SHARED tables only");
  if (draft.options.accessLevel !== level) {
    draft.options = { ...draft.options, accessLevel: level };
    draft.isEffective = true;
  }
  return `SET ACCESS LEVEL ${level.toUpperCase()}`;
}

function setDeletedRetention(draft: Draft, hours: number | undefined): string {
  if (draft.table.kind === "stream") throw invalid("DELETED_RETENTION_HOURS does not apply to STREAM tables");
  const { deletedRetentionHours, ...others } = draft.options;
  if (deletedRetentionHours !== hours) {
    draft.options = hours === undefined ? others : { ...others, deletedRetentionHours: hours };
    draft.isEffective = true;
  }
  return `SET DELETED_RETENTION_HOURS = ${hours ?? "DEFAULT"}`;
}

function invalid(message: string): DbError {
  return new DbError("INVALID_SQL", message);
}
