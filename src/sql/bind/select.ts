// A plain SELECT: FROM, WHERE, GROUP BY, HAVING, output list, DISTINCT, ORDER BY, LIMIT.
import type { Node, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { keyColumn } from "../../model/schema.ts";
import { BOOLEAN, type SqlType } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { ValueSource } from "../plan.ts";
import type { Binder, BoundQuery, OpenQuery, QueryEnv, QueryTraits, RenderArg } from "./binder.ts";
import { assertLeadsOrder, distinctOnKeys, renderDistinctOn } from "./distinct-on.ts";
import { bindFrom } from "./from.ts";
import { assertGrouped, bindGroupBy, type Grouped } from "./group-by.ts";
import { sameValueAs } from "./grouping.ts";
import { assertNoIntervals, comparisonKey } from "./interval.ts";
import { castTo, required, settled } from "./operand.ts";
import { type OrderTerm, orderTerm, outputTerm, renderOrder } from "./order.ts";
import { outputTexts } from "./output-text.ts";
import { pointKeys } from "./point.ts";
import { noteReads } from "./relation-read.ts";
import { bindRowCounts } from "./row-count.ts";
import { liftRowFunction, withoutLifted } from "./row-function-targets.ts";
import { contextOf, type SelectParts } from "./select-parts.ts";
import { shortCircuited } from "./short-circuit.ts";
import { type Outputs, outputByName, outputByPosition } from "./sort.ts";
import { at, locationOf, unsupported } from "./syntax.ts";
import { bindTargets } from "./target-list.ts";
import { walk } from "./walk.ts";

export function bindPlainSelect(binder: Binder, given: SelectStmt, env: QueryEnv): OpenQuery {
  const lifted = liftRowFunction(given);
  const stmt = lifted ?? given;
  const traits: QueryTraits = {
    hasAggregates: false,
    hasWindows: false,
    windows: namedWindows(stmt.windowClause ?? []),
  };
  const from = bindFrom(stmt.fromClause ?? [], { binder, env, traits });
  const { tables = [], visible = [] } = from ?? {};
  const scope = withoutLifted({ tables, visible, outer: env.outer, captured: env.captured });
  const context = { scope, traits, ctes: env.ctes };
  const where =
    stmt.whereClause === undefined
      ? undefined
      : required(binder.expr(stmt.whereClause, { ...context, clause: "WHERE" }), BOOLEAN, "WHERE");
  const targets = bindTargets(binder, stmt.targetList ?? [], {
    context: { ...context, clause: "SELECT" },
    userColumnsOnly: env.userColumnsOnly,
  });
  if (lifted !== undefined && (traits.hasAggregates || traits.hasWindows)) {
    throw unsupported("a function that returns rows beside aggregates and window functions");
  }
  if (targets.length === 0) throw unsupported("a SELECT without output columns");
  const parts: SelectParts = { binder, stmt, env, traits, from, scope, where, targets };
  return {
    names: targets.map((target) => target.name),
    operands: targets.map((target) => target.operand),
    close: (types) => closeSelect(parts, types),
  };
}

function namedWindows(nodes: readonly Node[]): ReadonlyMap<string, Node> {
  return new Map(nodes.map((node) => ["WindowDef" in node ? (node.WindowDef.name ?? "") : "", node]));
}

function closeSelect(parts: SelectParts, types: readonly SqlType[]): BoundQuery {
  const { binder, stmt, env, traits, targets, where, from } = parts;
  const exprs = targets.map(({ operand }, index) => castTo(operand, types[index] ?? settled(operand).type));
  const outputs: Outputs = { names: targets.map((target) => target.name), exprs };
  const on = distinctOnKeys(parts, outputs);
  const isDistinct = stmt.distinctClause !== undefined && on === undefined;
  if (isDistinct) assertNoIntervals(exprs, "DISTINCT");
  // ORDER BY and HAVING may be where the only aggregate is, so the groups are decided after both.
  const terms = orderTerms(parts, outputs, { isDistinct, byName: on === undefined });
  if (on !== undefined) assertLeadsOrder(binder.session, on, terms);
  const groups = boundGroups(parts, outputs, [...exprs, ...(on ?? []), ...terms.map(({ expr }) => expr)]);
  const { keys } = groups;
  const rowCounts = bindRowCounts(binder, stmt, env);
  const isRowwise = keys === undefined && stmt.distinctClause === undefined && !traits.hasWindows;
  const point = isRowwise ? pointKeys(from, where) : undefined;
  const order = defaultOrder(parts, isRowwise, point) ?? terms;
  noteReads(binder.session, { from, where, order: isRowwise ? order : undefined, rowCounts });
  const render = (renderArg: RenderArg): string => {
    const list = outputTexts(exprs, { renderArg, wideAsText: env.topLevel });
    const source = sourceText(parts, groups, renderArg);
    const limited = rowCounts.render(renderArg);
    if (on !== undefined)
      return renderDistinctOn({ on, terms, width: exprs.length, list, source }, renderArg) + limited;
    const sorted = order.length === 0 ? "" : ` ORDER BY ${renderOrder(order, renderArg)}`;
    const rest = `${source}${sorted}${limited}`;
    if (lacksAggregate(groups, exprs)) return groupOfAll(list, exprs.length, rest);
    return `SELECT ${isDistinct ? "DISTINCT " : ""}${list}${rest}`;
  };
  const singleRow = keys?.length === 0 || rowCounts.isOne || from === undefined;
  const shape = order.length > 0 || on !== undefined || rowCounts.isPresent ? "closed" : "select";
  const columns = outputColumns(targets, exprs);
  return { columns, render, singleRow, shape, point, summarized: summarizedQuery(parts, groups) };
}

function summarizedQuery({ stmt, from, where, traits }: SelectParts, { keys }: Grouped): BoundQuery["summarized"] {
  const table = from?.baseTable;
  if (keys === undefined || table === undefined || stmt.distinctClause !== undefined || traits.hasWindows)
    return undefined;
  return { relation: table.relation, where, keys };
}

/** `shown`: what must have one value for each group. */
function boundGroups(parts: SelectParts, outputs: Outputs, shown: readonly Expr[]): Grouped {
  const groups = bindGroupBy(parts, outputs);
  const { keys, having } = groups;
  if (keys !== undefined) assertGrouped(parts, keys, having === undefined ? shown : [...shown, having]);
  return groups;
}

function outputColumns(targets: SelectParts["targets"], exprs: readonly Expr[]): BoundQuery["columns"] {
  return exprs.map(({ type }, index) => {
    const { name = "", nullable = true, flags = [] } = targets[index] ?? {};
    return { name, type, nullable, flags };
  });
}

/** SQLite knows a group of all rows by the aggregates in the list, PostgreSQL by those in HAVING too. */
function lacksAggregate({ keys, having }: Grouped, exprs: readonly Expr[]): boolean {
  const isAggregate = (expr: Expr): boolean => expr.kind === "query" && expr.form === "aggregate";
  return keys?.length === 0 && having !== undefined && !exprs.flatMap(walk).some(isAggregate);
}

function groupOfAll(list: string, width: number, rest: string): string {
  const names = Array.from({ length: width }, (_unused, index) => `o${index}`).join(", ");
  return `SELECT ${names} FROM (SELECT ${list}, count(*) AS n${rest})`;
}

/** FROM to HAVING. */
function sourceText({ from, where }: SelectParts, groups: Grouped, renderArg: RenderArg): string {
  const input = from === undefined ? "" : ` FROM ${from.render(renderArg)}`;
  const filter = where === undefined ? "" : ` WHERE ${renderArg(where)}`;
  return `${input}${filter}${groupText(groups, renderArg)}`;
}

function groupText({ keys, having }: Grouped, renderArg: RenderArg): string {
  // To SQLite a bare number would be a position; as a key it tells no groups apart.
  const texts = (keys ?? []).map((key) =>
    key.kind === "constant" ? "NULL" : renderArg(shortCircuited(comparisonKey(key))),
  );
  const group = texts.length === 0 ? "" : ` GROUP BY ${texts.join(", ")}`;
  return having === undefined ? group : `${group} HAVING ${renderArg(having)}`;
}

interface OrderInput {
  readonly isDistinct: boolean;
  /** False where the generated names of outputs are not in reach. */
  readonly byName: boolean;
}

function orderTerms(parts: SelectParts, outputs: Outputs, { isDistinct, byName }: OrderInput): readonly OrderTerm[] {
  const { binder, stmt } = parts;
  return (stmt.sortClause ?? []).map((node) => {
    if (!("SortBy" in node) || node.SortBy.node === undefined) throw new Error("an ORDER BY without expression");
    const { node: term } = node.SortBy;
    const named = { outputs, clause: "ORDER BY" } as const;
    const index = outputByPosition(binder.session, term, named) ?? outputByName(binder.session, term, named);
    const output = index === undefined ? undefined : outputs.exprs[index];
    if (index !== undefined && output !== undefined) {
      const nullable = parts.targets[index]?.nullable ?? true;
      if (!byName) return orderTerm(node.SortBy, output, nullable);
      return outputTerm(node.SortBy, { index, expr: output, nullable, isText: parts.env.topLevel });
    }
    const expr = settled(binder.expr(term, contextOf(parts, "ORDER BY")));
    if (isDistinct && !sameValueAs(binder.session, expr, outputs.exprs)) {
      const message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
      throw new DbError("SQL_EXECUTION_ERROR", message, at(binder.session.position(locationOf(term))));
    }
    return orderTerm(node.SortBy, expr);
  });
}

/** Rows of one table come in the order of its key, unless there can be one row only. */
function defaultOrder(
  { env, from, stmt }: SelectParts,
  isRowwise: boolean,
  point: readonly ValueSource[] | undefined,
): readonly OrderTerm[] | undefined {
  if (stmt.sortClause !== undefined || !isRowwise) return undefined;
  const table = from?.baseTable;
  if (!env.topLevel || table === undefined || point?.length === 1) return [];
  const { schema, relation } = table;
  const expr: Expr = { kind: "column", type: keyColumn(schema).type, relation, column: schema.keyIndex };
  return [{ expr, value: expr, descending: false, nullsFirst: false, nullable: false }];
}
