// INSERT: rows as closures where that is possible, else as a query; ON CONFLICT; RETURNING.
import type { InsertStmt, Node, OnConflictClause, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { SYSTEM_COLUMNS, type TableSchema } from "../../model/schema.ts";
import { BOOLEAN, type Cell } from "../../model/sql-type.ts";
import { compile } from "../compile.ts";
import type { Expr } from "../expression.ts";
import type { Generators } from "../functions/generators.ts";
import type { Evaluate, InsertPlan, OnConflict, QueryPlan } from "../plan.ts";
import { bindAssignments } from "./assignments.ts";
import type { Binder, ExprContext, QueryEnv } from "./binder.ts";
import { assigned, required } from "./operand.ts";
import { queryPlan } from "./query-plan.ts";
import { tableItem } from "./relation.ts";
import { emptyScope, type Scope } from "./scope.ts";
import { at, listOf, locationOf, unsupported } from "./syntax.ts";
import { compileForWrite } from "./unbounded.ts";
import { bindReturning, bindWriteTarget, targetColumn, type WriteTarget } from "./write-target.ts";

export interface InsertContext {
  readonly generators: Generators;
  /** A source that is a query is bound on its own: its slots are not the statement's. */
  readonly bindSource: (bind: (binder: Binder) => QueryPlan) => QueryPlan;
}

export function bindInsert(binder: Binder, stmt: InsertStmt, context: InsertContext): InsertPlan {
  const { generators } = context;
  if (stmt.override !== undefined && stmt.override !== "OVERRIDING_NOT_SET") throw unsupported("OVERRIDING");
  const target = bindWriteTarget(binder, stmt.relation, "insert");
  const { table } = target;
  const select = sourceSelect(stmt);
  const listed = listedColumns(binder, stmt, table);
  const source = select === undefined ? DEFAULT_VALUES : bindSource(binder, select, { table, listed, context });
  const columns = select === undefined ? [] : (listed ?? table.columns.map((_, index) => index)).slice(0, source.width);
  const onConflict = bindOnConflict(binder, stmt.onConflictClause, { target, columns, generators });
  const returning = bindReturning(binder, stmt.returningClause, { target, ctes: undefined, generators });
  return {
    kind: "insert",
    table,
    slots: [...binder.session.slots],
    columns,
    source: source.source,
    onConflict,
    returning,
  };
}

interface BoundSource {
  readonly width: number;
  readonly source: InsertPlan["source"];
}

const DEFAULT_VALUES: BoundSource = { width: 0, source: { kind: "values", rows: [[]] } };

/** WITH before INSERT belongs to the query that gives the rows. */
function sourceSelect(stmt: InsertStmt): SelectStmt | undefined {
  const select =
    stmt.selectStmt !== undefined && "SelectStmt" in stmt.selectStmt ? stmt.selectStmt.SelectStmt : undefined;
  if (stmt.withClause === undefined) return select;
  if (select === undefined || select.withClause !== undefined) throw unsupported("this WITH in INSERT");
  return { ...select, withClause: stmt.withClause };
}

/** Undefined when the statement names no columns. */
function listedColumns(binder: Binder, stmt: InsertStmt, table: TableSchema): readonly number[] | undefined {
  if (stmt.cols === undefined || stmt.cols.length === 0) return undefined;
  const columns: number[] = [];
  for (const node of stmt.cols) {
    if (!("ResTarget" in node)) throw new Error("a column list of something else");
    const { name = "", location, indirection } = node.ResTarget;
    const position = binder.session.position(location);
    if ((indirection ?? []).length > 0) throw unsupported("inserting into a part of a column", position);
    const { index } = targetColumn(table, name, position);
    if (columns.includes(index)) {
      throw new DbError("SQL_EXECUTION_ERROR", `column "${name}" specified more than once`, at(position));
    }
    columns.push(index);
  }
  return columns;
}

interface SourceInput {
  readonly table: TableSchema;
  readonly listed: readonly number[] | undefined;
  readonly context: InsertContext;
}

function bindSource(binder: Binder, select: SelectStmt, input: SourceInput): BoundSource {
  const rows = (select.valuesLists ?? []).map(listOf);
  const isPlainValues = rows.length > 0 && select.sortClause === undefined && select.limitCount === undefined;
  if (isPlainValues && select.limitOffset === undefined && select.withClause === undefined) {
    const values = bindRows(binder, rows, input);
    if (values !== undefined) return values;
  }
  return bindQuerySource(select, input);
}

function assertWidth(count: number, { table, listed }: SourceInput, position: number | undefined): void {
  const columns = listed?.length ?? table.columns.length;
  if (count > columns) {
    throw new DbError("SQL_EXECUTION_ERROR", "INSERT has more expressions than target columns", at(position));
  }
  if (listed !== undefined && count < columns) {
    throw new DbError("SQL_EXECUTION_ERROR", "INSERT has more target columns than expressions", at(position));
  }
}

function columnAt({ table, listed }: SourceInput, place: number): TableSchema["columns"][number] {
  const column = table.columns[listed?.[place] ?? place];
  if (column === undefined) throw new Error(`no column for place ${place}`);
  return column;
}

/** Undefined when a value needs a query. */
function bindRows(binder: Binder, rows: readonly (readonly Node[])[], input: SourceInput): BoundSource | undefined {
  const scope: ExprContext = { scope: emptyScope(undefined, []), clause: "VALUES", traits: undefined, ctes: undefined };
  const width = rows[0]?.length ?? 0;
  const { generators } = input.context;
  const bound: (readonly (Evaluate | undefined)[])[] = [];
  for (const row of rows) {
    const position = row[0] === undefined ? undefined : binder.session.position(locationOf(row[0]));
    if (row.length !== width) {
      throw new DbError("SQL_EXECUTION_ERROR", "VALUES lists must all be the same length", at(position));
    }
    assertWidth(width, input, position);
    const values: (Evaluate | undefined)[] = [];
    for (const [place, node] of row.entries()) {
      if ("SetToDefault" in node) {
        values.push(undefined);
        continue;
      }
      if ("SubLink" in node) return undefined;
      const expr = assigned(binder.expr(node, scope), columnAt(input, place));
      const evaluate = compile(expr, { cellIndex: () => undefined, generators });
      if (evaluate === undefined) return undefined;
      values.push(evaluate);
    }
    bound.push(values);
  }
  return { width, source: { kind: "values", rows: bound } };
}

function bindQuerySource(select: SelectStmt, input: SourceInput): BoundSource {
  const env: QueryEnv = { ctes: undefined, outer: undefined, captured: [], topLevel: true, userColumnsOnly: true };
  let width = 0;
  const query = input.context.bindSource((binder) => {
    const open = binder.query(select, env);
    width = open.operands.length;
    assertWidth(width, input, open.operands[0]?.position);
    const columns = open.operands.map((operand, place) => {
      const column = columnAt(input, place);
      assigned(operand, column);
      return column;
    });
    const closed = open.close(columns.map((column) => column.type));
    const output = columns.map(({ name, type }) => ({ name, type, flags: [] }));
    return queryPlan(binder.session, { render: closed.render, output, point: closed.point });
  });
  return { width, source: { kind: "query", query } };
}

interface ConflictInput {
  readonly target: WriteTarget;
  /** The columns that the statement gives. */
  readonly columns: readonly number[];
  readonly generators: Generators;
}

function bindOnConflict(
  binder: Binder,
  clause: OnConflictClause | undefined,
  { target, columns, generators }: ConflictInput,
): OnConflict | undefined {
  if (clause === undefined || clause.action === "ONCONFLICT_NONE") return undefined;
  const isUpsert = clause.action === "ONCONFLICT_UPDATE" && clause.targetList === undefined;
  if (!isUpsert) assertArbiter(binder, clause, target.table);
  if (clause.action === "ONCONFLICT_NOTHING") return { kind: "nothing" };
  if (target.table.kind === "stream") {
    const position = binder.session.position(clause.location);
    throw new DbError("UNSUPPORTED", "UPDATE not supported for STREAM tables", at(position));
  }
  if (isUpsert) return replacing(target.table, columns);
  const excluded = tableItem(binder.session, target.table, { alias: { aliasname: "excluded" }, position: undefined });
  const scope: Scope = {
    ...target.scope,
    tables: [...target.scope.tables, ...excluded.tables],
    visible: [...target.scope.visible, ...excluded.visible],
  };
  const context: ExprContext = { scope, clause: "UPDATE", traits: undefined, ctes: undefined };
  const excludedRelation = excluded.tables[0]?.relation;
  const keepsKey = (value: Expr): boolean => value.kind === "column" && value.column === target.table.keyIndex;
  const assignments = bindAssignments(binder, clause.targetList ?? [], { target, context, keepsKey });
  const width = target.table.columns.length + 2;
  const evaluator = (expr: Expr): Evaluate => {
    const cellIndex = (relation: number, column: number): number | undefined =>
      relation === target.relation ? column : relation === excludedRelation ? width + column : undefined;
    return compileForWrite({ session: binder.session, where: "ON CONFLICT DO UPDATE" }, expr, {
      cellIndex,
      generators,
    });
  };
  const where =
    clause.whereClause === undefined
      ? undefined
      : required(binder.expr(clause.whereClause, { ...context, clause: "WHERE" }), BOOLEAN, "WHERE");
  return {
    kind: "update",
    assignments: assignments.map(({ column, value }) => ({ column, value: evaluator(value) })),
    where: where === undefined ? undefined : evaluator(where),
  };
}

/** UPSERT: of the row that is there, the given columns take the new values and the others stay. */
function replacing(table: TableSchema, columns: readonly number[]): OnConflict {
  const width = table.columns.length + SYSTEM_COLUMNS.length;
  const assignments = columns
    .filter((column) => column !== table.keyIndex)
    .map((column) => ({ column, value: (row: readonly Cell[]): Cell => row[width + column] ?? null }));
  return { kind: "update", assignments, where: undefined };
}

/** The primary key is the only unique constraint there is. */
function assertArbiter(binder: Binder, clause: OnConflictClause, table: TableSchema): void {
  const infer = clause.infer;
  const position = binder.session.position(infer?.location ?? clause.location);
  if (infer === undefined) {
    if (clause.action === "ONCONFLICT_NOTHING") return;
    const message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  if (infer.conname !== undefined) throw unsupported("ON CONFLICT ON CONSTRAINT", position);
  if (infer.whereClause !== undefined) throw unsupported("ON CONFLICT (…) WHERE", position);
  const elements = infer.indexElems ?? [];
  const isKey = elements.every((node) => {
    const name = "IndexElem" in node ? node.IndexElem.name : undefined;
    return name !== undefined && targetColumn(table, name, position).index === table.keyIndex;
  });
  if (isKey && elements.length === 1) return;
  const message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
  throw new DbError("SQL_EXECUTION_ERROR", message, { ...at(position), hint: "Name the primary key column." });
}
