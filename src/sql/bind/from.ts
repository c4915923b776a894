// The FROM clause: base tables, common table expressions, sub-queries and joins.
import type { JoinExpr, Node, RangeSubselect, RangeVar } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { conjunction } from "./boolean.ts";
import { compare } from "./comparison.ts";
import { bindRangeFunction } from "./from-function.ts";
import { type FromContext, queryItem, scopeAround } from "./lateral.ts";
import { operandType, required, typed, unified } from "./operand.ts";
import { bindCteReference, type FromItem, findRelation, tableItem } from "./relation.ts";
import { isLifted } from "./row-function-targets.ts";
import { asNullable, type Scope, type ScopeColumn } from "./scope.ts";
import { locationOf, namesOf, nodeKind, unsupported } from "./syntax.ts";
import { viewItem } from "./view.ts";

const REFUSED: Readonly<Record<string, string>> = {
  RangeTableSample: "TABLESAMPLE",
  RangeTableFunc: "XMLTABLE",
  JsonTable: "JSON_TABLE",
};

/** Undefined for a SELECT without FROM. */
export function bindFrom(nodes: readonly Node[], context: FromContext): FromItem | undefined {
  let joined = context.left;
  for (const node of nodes) {
    const item = bindItem(node, { ...context, left: joined });
    joined = joined === undefined ? item : crossJoin(joined, item, context);
  }
  return joined;
}

function bindItem(node: Node, context: FromContext): FromItem {
  const { session } = context.binder;
  if ("RangeVar" in node) return bindRangeVar(node.RangeVar, context);
  if ("RangeSubselect" in node) return bindSubselect(node.RangeSubselect, context);
  if ("RangeFunction" in node) return bindRangeFunction(node.RangeFunction, context);
  if ("JoinExpr" in node) return session.nested(undefined, () => bindJoin(node.JoinExpr, context));
  const kind = nodeKind(node);
  throw unsupported(REFUSED[kind] ?? `${kind} in FROM`, session.position(locationOf(node)));
}

/** A common table expression, a view, or a base table of that name. */
function bindRangeVar(node: RangeVar, { binder, env }: FromContext): FromItem {
  const { session } = binder;
  const cte = bindCteReference(session, node, env.ctes);
  if (cte !== undefined) return cte;
  const found = findRelation(session, node);
  const use = { alias: node.alias, position: session.position(node.location) };
  return found.kind === "view" ? viewItem(binder, found, use) : tableItem(session, found, use);
}

function bindSubselect(node: RangeSubselect, { binder, env, left }: FromContext): FromItem {
  if (node.subquery === undefined || !("SelectStmt" in node.subquery)) throw unsupported("this sub-query in FROM");
  // Neighbours in FROM are visible to LATERAL only, the queries around always.
  const neighbours = node.lateral === true ? left : undefined;
  const captured: Expr[] = [];
  const inner = {
    ctes: env.ctes,
    outer: scopeAround(neighbours, env),
    captured,
    topLevel: false,
    userColumnsOnly: false,
  };
  const open = binder.query(node.subquery.SelectStmt, inner);
  const query = open.close(open.operands.map((operand) => operandType(operand) ?? { kind: "text" }));
  const { columns, render } = query;
  return queryItem(binder.session, { alias: node.alias, name: "subquery", columns, render, captured }, neighbours);
}

function crossJoin(left: FromItem, right: FromItem, context: FromContext): FromItem {
  assertDistinctAliases(left, right);
  context.binder.session.forbidPoint();
  return {
    tables: [...left.tables, ...right.tables],
    visible: [...left.visible, ...right.visible],
    render: (renderArg) => {
      const text = right.render(renderArg);
      // Where rows come of each row of the left, they stay behind it: SQLite reorders no CROSS JOIN.
      const word = isLifted(right.tables) ? "CROSS JOIN" : "JOIN";
      return `${left.render(renderArg)} ${word} ${right.isFlat === true ? text : bracketed(right, text)}`;
    },
    baseTable: undefined,
    isJoin: true,
    isFlat: isFlat(left) && isFlat(right),
  };
}

/** SQLite joins from left to right; a join on the right side keeps its own grouping in parentheses. */
function bracketed(item: FromItem, text: string): string {
  return item.isJoin ? `(${text})` : text;
}

function isFlat(item: FromItem): boolean {
  return !item.isJoin || item.isFlat === true;
}

function assertDistinctAliases(left: FromItem, right: FromItem): void {
  const twice = right.tables.find((table) =>
    left.tables.some((other) => other.alias === table.alias && other.namespace === table.namespace),
  );
  if (twice === undefined) return;
  throw new DbError("SQL_EXECUTION_ERROR", `table name "${twice.alias}" specified more than once`);
}

const JOINS = {
  JOIN_INNER: { text: "JOIN", leftOptional: false, rightOptional: false },
  JOIN_LEFT: { text: "LEFT JOIN", leftOptional: false, rightOptional: true },
  JOIN_RIGHT: { text: "RIGHT JOIN", leftOptional: true, rightOptional: false },
  JOIN_FULL: { text: "FULL JOIN", leftOptional: true, rightOptional: true },
} as const;
type JoinKind = keyof typeof JOINS;

function joinKind(node: JoinExpr): JoinKind {
  const kind = node.jointype ?? "JOIN_INNER";
  if (kind === "JOIN_INNER" || kind === "JOIN_LEFT" || kind === "JOIN_RIGHT" || kind === "JOIN_FULL") return kind;
  throw unsupported(`the join ${kind}`);
}

function bindJoin(node: JoinExpr, context: FromContext): FromItem {
  if (node.larg === undefined || node.rarg === undefined) throw new Error("a join without sides");
  if (node.alias !== undefined) throw unsupported("an alias for a join");
  const kind = joinKind(node);
  const isOptionalLeft = JOINS[kind].leftOptional;
  const left = bindItem(node.larg, isOptionalLeft ? { ...context, left: undefined } : context);
  const right = bindItem(node.rarg, {
    ...context,
    left: visibleToRight(node.rarg, left, isOptionalLeft ? undefined : context),
  });
  assertDistinctAliases(left, right);
  context.binder.session.forbidPoint();
  const shared = sharedNames(node, left, right);
  const merged = shared.map((name) => mergedColumn(name, { left, right, kind }));
  const condition = joinCondition(node, { left, right, merged, context });
  const { leftOptional, rightOptional } = JOINS[kind];
  const visibleLeft = leftOptional ? left.visible.map(asNullable) : left.visible;
  const visibleRight = rightOptional ? right.visible.map(asNullable) : right.visible;
  const isShared = (column: ScopeColumn): boolean => shared.includes(column.name);
  return {
    tables: [...optionalTables(left, leftOptional), ...optionalTables(right, rightOptional)],
    visible: [
      ...merged.map(({ column }) => column),
      ...visibleLeft.filter((column) => !isShared(column)),
      ...visibleRight.filter((column) => !isShared(column)),
    ],
    render: (renderArg) => {
      const on = condition === undefined ? "" : ` ON ${renderArg(condition)}`;
      return `${left.render(renderArg)} ${JOINS[kind].text} ${bracketed(right, right.render(renderArg))}${on}`;
    },
    baseTable: undefined,
    isJoin: true,
    isFlat: isFlat(left) && !leftOptional,
  };
}

/**
 * What LATERAL on the right side of a join sees: nothing in brackets, which are a query of their own to SQLite, and nothing where rows of the right side
 * come first, as in a RIGHT or FULL join (`context` is undefined then).
 */
function visibleToRight(right: Node, left: FromItem, context: FromContext | undefined): FromItem | undefined {
  if (context === undefined || "JoinExpr" in right) return undefined;
  const { left: before } = context;
  if (before === undefined) return left;
  return { ...left, tables: [...before.tables, ...left.tables], visible: [...before.visible, ...left.visible] };
}

function optionalTables(item: FromItem, optional: boolean): FromItem["tables"] {
  if (!optional) return item.tables;
  return item.tables.map((table) => ({ ...table, columns: table.columns.map(asNullable) }));
}

/** Columns that USING names or NATURAL finds on both sides. */
function sharedNames(node: JoinExpr, left: FromItem, right: FromItem): readonly string[] {
  if (node.isNatural !== true) return namesOf(node.usingClause);
  const names = new Set(right.visible.filter((column) => !column.system).map((column) => column.name));
  return left.visible.filter((column) => !column.system && names.has(column.name)).map((column) => column.name);
}

interface MergedColumn {
  readonly column: ScopeColumn;
  readonly condition: Expr;
}

function mergedColumn(
  name: string,
  { left, right, kind }: { readonly left: FromItem; readonly right: FromItem; readonly kind: JoinKind },
): MergedColumn {
  const [a, b] = [onlyColumn(left, name, "left"), onlyColumn(right, name, "right")];
  const condition = compare("=", typed(a.expr), typed(b.expr), undefined);
  const { type, exprs } = unified([typed(a.expr), typed(b.expr)], "JOIN/USING");
  const nullable = a.nullable || b.nullable;
  const [first = a.expr, second = b.expr] = exprs;
  const both: Expr = { kind: "coalesce", type, args: [first, second] };
  const expr = kind === "JOIN_FULL" ? both : kind === "JOIN_RIGHT" ? second : first;
  const preserved = kind === "JOIN_RIGHT" ? b : a;
  const flags = kind === "JOIN_FULL" ? [] : preserved.flags;
  return {
    column: {
      name,
      type,
      nullable: kind === "JOIN_FULL" ? nullable : preserved.nullable,
      flags,
      system: false,
      expr,
      draft: undefined,
    },
    condition,
  };
}

function onlyColumn(item: FromItem, name: string, side: string): ScopeColumn {
  const [column, another] = item.visible.filter((candidate) => candidate.name === name);
  if (column === undefined) {
    const message = `column "${name}" specified in USING clause does not exist in ${side} table`;
    throw new DbError("COLUMN_NOT_FOUND", message);
  }
  if (another !== undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", `common column name "${name}" appears more than once in ${side} table`);
  }
  return column;
}

interface ConditionInput {
  readonly left: FromItem;
  readonly right: FromItem;
  readonly merged: readonly MergedColumn[];
  readonly context: FromContext;
}

function joinCondition(node: JoinExpr, { left, right, merged, context }: ConditionInput): Expr | undefined {
  if (merged.length > 0) return conjunction(merged.map(({ condition }) => condition));
  if (node.quals === undefined) return undefined;
  const { binder, env, traits } = context;
  const scope: Scope = {
    tables: [...left.tables, ...right.tables],
    visible: [...left.visible, ...right.visible],
    outer: env.outer,
    captured: env.captured,
  };
  const operand = binder.expr(node.quals, { scope, clause: "JOIN/ON", traits, ctes: env.ctes });
  return required(operand, BOOLEAN, "JOIN/ON");
}
