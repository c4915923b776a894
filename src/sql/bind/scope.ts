// Which names an expression may use and what they stand for. Scopes nest: a sub-query sees the columns of the queries around it.
import { DbError } from "../../base/errors.ts";
import type { SchemaFlag } from "../../model/schema.ts";
import type { SqlType } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { BindSession, RelationDraft } from "./session.ts";
import { didYouMean } from "./suggest.ts";
import { at } from "./syntax.ts";

export interface ScopeColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly flags: readonly SchemaFlag[];
  /** `_seq` and `_deleted`. */
  readonly system: boolean;
  readonly expr: Expr;
  /** Set for `_deleted` of a base table: a filter on it makes tombstones visible. */
  readonly draft: RelationDraft | undefined;
}

export interface ScopeTable {
  readonly alias: string;
  /** A base table without an alias may be qualified with its namespace too. */
  readonly namespace: string | undefined;
  readonly relation: number;
  readonly columns: readonly ScopeColumn[];
  /** Position of the primary key of a base table: grouping by it determines the other columns. */
  readonly keyColumn: number | undefined;
  /** Of a function that returns rows of one value: the alias alone means that value. */
  readonly isScalar?: boolean;
}

export interface Scope {
  readonly tables: readonly ScopeTable[];
  /** What `*` and unqualified names mean: USING and NATURAL merge columns. */
  readonly visible: readonly ScopeColumn[];
  readonly outer: Scope | undefined;
  /** Columns of enclosing queries that were used. */
  readonly captured: Expr[];
}

export function emptyScope(outer: Scope | undefined, captured: Expr[]): Scope {
  return { tables: [], visible: [], outer, captured };
}

export interface ColumnName {
  readonly namespace: string | undefined;
  readonly table: string | undefined;
  readonly column: string;
  readonly position: number | undefined;
}

/** Quoted names keep their case in the tree, but tables and columns are stored in lower case. */
function named<T>(items: readonly T[], nameOf: (item: T) => string, name: string): readonly T[] {
  const exact = items.filter((item) => nameOf(item) === name);
  if (exact.length > 0) return exact;
  const folded = name.toLowerCase();
  return items.filter((item) => nameOf(item).toLowerCase() === folded);
}

export function tablesNamed(scope: Scope, name: Pick<ColumnName, "namespace" | "table">): readonly ScopeTable[] {
  const tables = named(scope.tables, (table) => table.alias, name.table ?? "");
  return name.namespace === undefined ? tables : tables.filter((table) => table.namespace === name.namespace);
}

function candidates(scope: Scope, name: ColumnName): readonly ScopeColumn[] {
  if (name.table === undefined) {
    const columns = named(scope.visible, (column) => column.name, name.column);
    if (columns.length > 0) return columns;
    const scalars = scope.tables.filter((table) => table.isScalar === true);
    return named(scalars, (table) => table.alias, name.column).flatMap((table) => table.columns[0] ?? []);
  }
  return tablesNamed(scope, name).flatMap((table) => named(table.columns, (column) => column.name, name.column));
}

export interface FoundColumn {
  readonly column: ScopeColumn;
  /** Scopes between the name and its column. */
  readonly passed: readonly Scope[];
}

/** Undefined when no scope has the column. */
export function findColumn(scope: Scope, name: ColumnName): FoundColumn | undefined {
  const passed: Scope[] = [];
  for (let current: Scope | undefined = scope; current !== undefined; current = current.outer) {
    const found = candidates(current, name);
    if (found.length > 1) {
      throw new DbError("SQL_EXECUTION_ERROR", `column reference "${name.column}" is ambiguous`, at(name.position));
    }
    const [column] = found;
    if (column !== undefined) return { column, passed };
    passed.push(current);
  }
  return undefined;
}

export function columnNotFound(scope: Scope, name: ColumnName): DbError {
  const tableMissing = name.table !== undefined && !visibleTables(scope).some((table) => table.alias === name.table);
  if (tableMissing) {
    const aliases = visibleTables(scope).map((table) => table.alias);
    return new DbError("TABLE_NOT_FOUND", `missing FROM-clause entry for table "${name.table}"`, {
      ...at(name.position),
      ...didYouMean(name.table ?? "", aliases),
    });
  }
  const label = name.table === undefined ? `"${name.column}"` : `${name.table}.${name.column}`;
  const tables = visibleTables(scope).filter((table) => name.table === undefined || table.alias === name.table);
  const names = tables.flatMap((table) => table.columns.map((column) => column.name));
  return new DbError("COLUMN_NOT_FOUND", `column ${label} does not exist`, {
    ...at(name.position),
    ...didYouMean(name.column, names),
  });
}

function visibleTables(scope: Scope): readonly ScopeTable[] {
  const tables: ScopeTable[] = [];
  for (let current: Scope | undefined = scope; current !== undefined; current = current.outer)
    tables.push(...current.tables);
  return tables;
}

/** The same column as a relation on the optional side of an outer join shows it. */
export function asNullable(column: ScopeColumn): ScopeColumn {
  return column.nullable ? column : { ...column, nullable: true, flags: [] };
}

/** A use of a column: an expression with a position of its own, known to the queries it reaches out of. */
export function mention(session: BindSession, { column, passed }: FoundColumn, position: number | undefined): Expr {
  const expr = { ...column.expr };
  session.notePosition(expr, position);
  for (const inner of passed) inner.captured.push(expr);
  return expr;
}
