// The table that INSERT, UPDATE or DELETE writes, and what may be said about its columns.
import type { Node, RangeVar, ReturningClause } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { type Column, SYSTEM_COLUMNS, type TableSchema } from "../../model/schema.ts";
import type { Expr } from "../expression.ts";
import type { Generators } from "../functions/generators.ts";
import type { Evaluate, Returning } from "../plan.ts";
import type { Binder, CteScope } from "./binder.ts";
import { castTo, constant, type Operand, outputType, typed } from "./operand.ts";
import { type FromItem, findRelation, tableItem } from "./relation.ts";
import { emptyScope, type Scope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { didYouMean } from "./suggest.ts";
import { at, unsupported } from "./syntax.ts";
import { bindTargets } from "./target-list.ts";
import { compileForWrite } from "./unbounded.ts";
import { walk } from "./walk.ts";

export type WriteVerb = "insert" | "update" | "delete";

export interface WriteTarget {
  readonly table: TableSchema;
  readonly item: FromItem;
  readonly relation: number;
  readonly scope: Scope;
}

export function bindWriteTarget(binder: Binder, node: RangeVar | undefined, verb: WriteVerb): WriteTarget {
  if (node === undefined) throw new Error(`${verb} without a table`);
  const { session } = binder;
  const source = findRelation(session, node);
  const position = session.position(node.location);
  if (source.kind === "view") {
    throw new DbError("UNSUPPORTED", `cannot ${verb} ${verb === "insert" ? "into " : ""}view "${source.schema.name}"`, {
      ...at(position),
      hint: "Write to the tables it reads.",
    });
  }
  if (source.kind === "systemView") {
    throw new DbError("UNSUPPORTED", `Cannot ${verb} system table '${source.view}'`, at(position));
  }
  if (verb === "update" && source.kind === "stream") {
    throw new DbError("UNSUPPORTED", "UPDATE not supported for STREAM tables", at(position));
  }
  const item = tableItem(session, source, { alias: node.alias, position });
  const relation = item.tables[0]?.relation;
  if (relation === undefined) throw new Error("a table without a relation");
  const scope = { ...emptyScope(undefined, []), tables: item.tables, visible: item.visible };
  return { table: source, item, relation, scope };
}

/** The column a list of INSERT or a SET names. */
export function targetColumn(
  table: TableSchema,
  name: string,
  position: number | undefined,
): { readonly index: number; readonly column: Column } {
  const index = table.columns.findIndex((column) => column.name === name.toLowerCase());
  const column = table.columns[index];
  if (column !== undefined) return { index, column };
  if (SYSTEM_COLUMNS.some((system) => system.name === name)) {
    throw new DbError("SQL_EXECUTION_ERROR", `cannot assign to system column "${name}"`, at(position));
  }
  throw new DbError("COLUMN_NOT_FOUND", `column "${name}" of relation "${table.name}" does not exist`, {
    ...at(position),
    ...didYouMean(
      name,
      table.columns.map((known) => known.name),
    ),
  });
}

/** DEFAULT as a value. Generated defaults are made when a row is inserted, not here. */
export function defaultOperand(column: Column, position: number | undefined): Operand {
  if (column.default?.kind === "function") {
    throw unsupported(`SET ${column.name} = DEFAULT, where the default is ${column.default.name}(),`, position);
  }
  return typed(constant(column.default?.value ?? null, column.type), position);
}

export interface ReturningInput {
  readonly target: WriteTarget;
  /** What the clause may name, where that is more than the table. */
  readonly scope?: Scope;
  readonly ctes: CteScope | undefined;
  readonly generators: Generators;
  /** Columns of other tables whose values follow the row's own cells and system columns, in this order. */
  readonly others?: readonly ColumnExpr[];
}

export type ColumnExpr = Extract<Expr, { readonly kind: "column" }>;

export function isSameColumn(a: ColumnExpr, b: ColumnExpr): boolean {
  return a.relation === b.relation && a.column === b.column;
}

export function bindReturning(
  binder: Binder,
  clause: ReturningClause | undefined,
  { target, scope = target.scope, ctes, generators, others = [] }: ReturningInput,
): Returning | undefined {
  const nodes: readonly Node[] = clause?.exprs ?? [];
  if (clause === undefined || nodes.length === 0) return undefined;
  if ((clause.options ?? []).length > 0) throw unsupported("RETURNING WITH (OLD or NEW AS …)");
  const context = { scope, clause: "RETURNING", traits: undefined, ctes } as const;
  const targets = bindTargets(binder, nodes, { context, userColumnsOnly: false });
  const exprs = targets.map(({ operand }) => castTo(operand, outputType(operand)));
  const { session } = binder;
  const values = exprs.map((expr, index) =>
    compiledOver({ session, target, generators, others }, expr, `RETURNING ${targets[index]?.name ?? ""}`),
  );
  const output = exprs.map(({ type }, index) => {
    const { name = "", flags = [] } = targets[index] ?? {};
    return { name, type, flags };
  });
  return { output, values };
}

interface Compiling {
  readonly session: BindSession;
  readonly target: WriteTarget;
  readonly generators: Generators;
  readonly others: readonly ColumnExpr[];
}

function compiledOver({ session, target, generators, others }: Compiling, expr: Expr, where: string): Evaluate {
  const placeOf = (relation: number, column: number): number =>
    others.findIndex((known) => known.relation === relation && known.column === column);
  const isMissing = (part: Expr): boolean =>
    part.kind === "column" && part.relation !== target.relation && placeOf(part.relation, part.column) < 0;
  if (walk(expr).some(isMissing)) throw unsupported(`a column of another table in ${where}`);
  const width = target.table.columns.length + SYSTEM_COLUMNS.length;
  const cellIndex = (relation: number, column: number): number =>
    relation === target.relation ? column : width + placeOf(relation, column);
  return compileForWrite({ session, where }, expr, { cellIndex, generators });
}
