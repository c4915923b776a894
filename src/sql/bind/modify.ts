// UPDATE and DELETE: a query that finds the rows, with the new values beside them.
import type { DeleteStmt, Node, ReturningClause, UpdateStmt, WithClause } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { type OutputColumn, SEQ_COLUMN } from "../../model/schema.ts";
import { BIGINT, BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { Generators } from "../functions/generators.ts";
import type { DeletePlan, QueryPlan, UpdatePlan } from "../plan.ts";
import { bindAssignments } from "./assignments.ts";
import type { Binder, CteScope, ExprContext, QueryEnv } from "./binder.ts";
import { bindFrom } from "./from.ts";
import { required } from "./operand.ts";
import { outputTexts } from "./output-text.ts";
import { pointKeys } from "./point.ts";
import { queryPlan } from "./query-plan.ts";
import type { FromItem } from "./relation.ts";
import { noteReads } from "./relation-read.ts";
import type { Scope } from "./scope.ts";
import { walk } from "./walk.ts";
import { bindWith } from "./with.ts";
import { bindReturning, bindWriteTarget, type ColumnExpr, isSameColumn, type WriteTarget } from "./write-target.ts";

export function bindUpdate(binder: Binder, stmt: UpdateStmt, generators: Generators): UpdatePlan {
  const target = bindWriteTarget(binder, stmt.relation, "update");
  const where = whereOf(stmt.whereClause, "UPDATE");
  const { ctes, render } = bindLeadingWith(binder, stmt.withClause);
  const source = bindOthers(binder, stmt.fromClause ?? [], { target, ctes });
  const context: ExprContext = { scope: source.scope, clause: "UPDATE", traits: undefined, ctes };
  const assignments = bindAssignments(binder, stmt.targetList ?? [], { target, context, keepsKey: () => false });
  const others = returnedColumns(stmt.returningClause, { target, source });
  const values = [...assignments.map((assignment) => assignment.value), ...others];
  const find = findPlan(binder, { target, source, where, values, ctes, renderWith: render });
  // After the query, whose slots come first.
  const returned = { target, scope: source.scope, ctes, generators, others };
  const returning = bindReturning(binder, stmt.returningClause, returned);
  const assigned = assignments.map((assignment) => assignment.column);
  return { kind: "update", table: target.table, find, assigned, returning, slots: [...binder.session.slots] };
}

export function bindDelete(binder: Binder, stmt: DeleteStmt, generators: Generators): DeletePlan {
  const target = bindWriteTarget(binder, stmt.relation, "delete");
  const where = whereOf(stmt.whereClause, "DELETE");
  const { ctes, render } = bindLeadingWith(binder, stmt.withClause);
  const source = bindOthers(binder, stmt.usingClause ?? [], { target, ctes });
  const others = returnedColumns(stmt.returningClause, { target, source });
  const find = findPlan(binder, { target, source, where, values: others, ctes, renderWith: render });
  const returned = { target, scope: source.scope, ctes, generators, others };
  const returning = bindReturning(binder, stmt.returningClause, returned);
  return { kind: "delete", table: target.table, find, returning, slots: [...binder.session.slots] };
}

/** Columns of FROM or USING that RETURNING may mean, by their names: they are found with the row, as they are not in it. */
function returnedColumns(
  clause: ReturningClause | undefined,
  { target, source }: { readonly target: WriteTarget; readonly source: Source },
): ColumnExpr[] {
  if (clause === undefined || !source.item.isJoin) return [];
  const names = columnNames(clause);
  const named = source.item.visible.filter(({ name }) => names.has("*") || names.has(name));
  const columns = named.flatMap(({ expr }) => walk(expr).filter((part) => part.kind === "column"));
  const others = columns.filter(({ relation }) => relation !== target.relation);
  return others.filter((column, index) => others.findIndex((first) => isSameColumn(first, column)) === index);
}

/** The last part of every column that a piece of syntax names; `*` for all of them. */
function columnNames(syntax: unknown, names = new Set<string>()): ReadonlySet<string> {
  if (typeof syntax !== "object" || syntax === null) return names;
  for (const [key, value] of Object.entries(syntax)) {
    if (key === "A_Star") names.add("*");
    if (key === "String" && hasText(value)) names.add(value.sval.toLowerCase());
    columnNames(value, names);
  }
  return names;
}

function hasText(value: unknown): value is { readonly sval: string } {
  return typeof value === "object" && value !== null && "sval" in value && typeof value.sval === "string";
}

function whereOf(node: Node | undefined, verb: string): Node {
  if (node === undefined) throw new DbError("SQL_EXECUTION_ERROR", `${verb} requires a WHERE clause`);
  return node;
}

function bindLeadingWith(binder: Binder, clause: WithClause | undefined): ReturnType<typeof bindWith> {
  const env: QueryEnv = { ctes: undefined, outer: undefined, captured: [], topLevel: false, userColumnsOnly: false };
  return bindWith(binder, clause, env);
}

/** What the filter and the new values are made from: the table, and the items of FROM (UPDATE) or USING (DELETE) beside it. */
interface Source {
  readonly item: FromItem;
  readonly scope: Scope;
}

function bindOthers(
  binder: Binder,
  nodes: readonly Node[],
  { target, ctes }: { readonly target: WriteTarget; readonly ctes: CteScope | undefined },
): Source {
  const { item, scope } = target;
  if (nodes.length === 0) return { item, scope };
  const traits = { hasAggregates: false, hasWindows: false, windows: new Map() };
  const env: QueryEnv = { ctes, outer: undefined, captured: [], topLevel: false, userColumnsOnly: false };
  const joined = bindFrom(nodes, { binder, env, traits, left: item }) ?? item;
  return { item: joined, scope: { ...scope, tables: joined.tables, visible: joined.visible } };
}

interface FindInput {
  readonly target: WriteTarget;
  readonly source: Source;
  readonly where: Node;
  readonly values: readonly Expr[];
  readonly ctes: CteScope | undefined;
  readonly renderWith: ReturnType<typeof bindWith>["render"];
}

/** Output: `_seq`, the table's columns, the new values and what RETURNING shows of other tables. */
function findPlan(binder: Binder, { target, source, where, values, ctes, renderWith }: FindInput): QueryPlan {
  const { table, item } = target;
  const context: ExprContext = { scope: source.scope, clause: "WHERE", traits: undefined, ctes };
  const condition = required(binder.expr(where, context), BOOLEAN, "WHERE");
  // A tombstone is no row to change, even for a filter that speaks of `_deleted`.
  for (const column of item.visible) if (column.draft !== undefined) column.draft.includeDeleted = false;
  const rowCounts = { limit: undefined, offset: undefined };
  noteReads(binder.session, { from: source.item, where: condition, order: undefined, rowCounts });
  const columns = item.visible.filter((column) => !column.system);
  const seq = item.visible.find((column) => column.name === SEQ_COLUMN);
  if (seq === undefined) throw new Error("a table without _seq");
  const exprs = [seq.expr, ...columns.map((column) => column.expr), ...values];
  const output: OutputColumn[] = [
    { name: SEQ_COLUMN, type: BIGINT, flags: [] },
    ...table.columns.map(({ name, type }) => ({ name, type, flags: [] })),
    ...values.map(({ type }, index) => ({ name: `value${index}`, type, flags: [] })),
  ];
  return queryPlan(binder.session, {
    output,
    point: pointKeys(source.item, condition),
    render: (render) => {
      const list = outputTexts(exprs, { renderArg: render, wideAsText: true });
      // A row that joins with several others is written once, with the values of any of them.
      const once = source.item.isJoin ? ` GROUP BY ${render(seq.expr)}` : "";
      return `${renderWith(render)}SELECT ${list} FROM ${source.item.render(render)} WHERE ${render(condition)}${once}`;
    },
  });
}
