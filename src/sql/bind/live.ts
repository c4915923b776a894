// Live queries: a SELECT of columns from one table. The predicate decides how it is kept up to date: what JavaScript can evaluate on one row in bounded
// time is a filter, what needs more time or other rows is left to query processes.
import type { ColumnRef, Node, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import {
  DELETED_COLUMN,
  type OutputColumn,
  qualifiedName,
  SEQ_COLUMN,
  SYSTEM_COLUMNS,
  type TableSchema,
} from "../../model/schema.ts";
import { BOOLEAN } from "../../model/sql-type.ts";
import { typeText } from "../../model/types.ts";
import { compile } from "../compile.ts";
import type { Expr } from "../expression.ts";
import type { Generators } from "../functions/generators.ts";
import { tableRefOf } from "../parse/names.ts";
import type { Evaluate, LivePlan, LiveStrategy, QueryPlan, RelationUse } from "../plan.ts";
import { createRenderer } from "../render/render-expression.ts";
import type { Binder } from "./binder.ts";
import { indexTerms } from "./index-terms.ts";
import { liveQueries } from "./live-queries.ts";
import { required } from "./operand.ts";
import { cutAtHoles, type FromItem, relationHint, tableItem } from "./relation.ts";
import { columnNotFound, type Scope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { at, locationOf, nodeKind, stringOf, unsupported } from "./syntax.ts";
import { walk } from "./walk.ts";

export function bindLive(binder: Binder, select: SelectStmt, generators: Generators): LivePlan {
  const { session } = binder;
  refuseClauses(select);
  const table = liveTable(session, select);
  const [from] = select.fromClause ?? [];
  const alias = from !== undefined && "RangeVar" in from ? from.RangeVar.alias : undefined;
  const item = tableItem(session, table, { alias, position: undefined });
  const scope: Scope = { tables: item.tables, visible: item.visible, outer: undefined, captured: [] };
  const { projection, wholeRow, names } = liveProjection(session, select, { item, scope });
  const condition = bindCondition(binder, select.whereClause, scope);
  refuseVolatile(session);
  const predicate = condition === undefined ? undefined : compilePredicate(condition, { item, generators });
  const columns = projection.flatMap((index) => item.visible[index] ?? []);
  const system = wholeRow ? item.visible.filter((column) => column.system) : [];
  const output = [...columns, ...system].map(({ name, type, flags }, place): OutputColumn => {
    return { name: names[place] ?? name, type, flags };
  });
  const queries = liveQueries(session, { table, item, condition });
  const strategy = strategyOf(condition, predicate, queries.match);
  if (strategy.kind === "rerun") refuseStreams(session);
  return {
    kind: "live",
    table,
    slots: queries.slots,
    strategy,
    predicate,
    terms: strategy.kind === "rerun" ? [] : indexTerms(table, condition),
    projection,
    wholeRow,
    namedColumns: namedColumns(table, wholeRow ? [] : projection, condition),
    output,
    shape: shapeText(session, { table, projection, wholeRow, condition }),
    snapshot: queries.snapshot,
    lastRows: queries.lastRows,
    lastRowsStart: queries.lastRowsStart,
    history: queries.history,
  };
}

function namedColumns(table: TableSchema, listed: readonly number[], condition: Expr | undefined): readonly number[] {
  const filtered = condition === undefined ? [] : [...walk(condition)];
  const positions = filtered.flatMap((part) => (part.kind === "column" ? [part.column] : []));
  // System columns come after the table's own and cannot go away.
  return [...new Set([...listed, ...positions])].flatMap((position) => table.columns[position]?.id ?? []);
}

function refuseClauses(select: SelectStmt): void {
  const clauses: readonly (readonly [string, unknown])[] = [
    ["WITH", select.withClause],
    ["UNION, INTERSECT or EXCEPT", select.larg],
    ["VALUES", select.valuesLists],
    ["DISTINCT", select.distinctClause],
    ["GROUP BY", select.groupClause],
    ["HAVING", select.havingClause],
    ["WINDOW", select.windowClause],
    ["ORDER BY", select.sortClause],
    ["LIMIT", select.limitCount],
    ["OFFSET", select.limitOffset],
    ["FOR UPDATE", select.lockingClause],
    ["SELECT INTO", select.intoClause],
  ];
  const refused = clauses.find(([, clause]) => clause !== undefined);
  if (refused !== undefined) throw notLive(refused[0]);
}

function notLive(what: string, position?: number): DbError {
  return unsupported(`${what} in a live query`, position);
}

function liveTable(session: BindSession, select: SelectStmt): TableSchema {
  const nodes = select.fromClause ?? [];
  const [from] = nodes;
  if (from === undefined) throw notLive("a SELECT without FROM");
  if (nodes.length > 1) throw notLive("more than one table");
  const position = session.position(locationOf(from));
  if ("JoinExpr" in from) throw notLive("JOIN");
  if ("RangeSubselect" in from) throw notLive("a sub-query in FROM");
  if (!("RangeVar" in from)) throw notLive(`${nodeKind(from)} in FROM`, position);
  const ref = tableRefOf(from.RangeVar);
  const namespace = ref.namespace ?? session.namespace;
  const found = session.context.findRelation(namespace, ref.name);
  if (found === undefined) {
    const details = { ...at(position), ...relationHint(session, ref) };
    throw new DbError("TABLE_NOT_FOUND", `Not found: Table not found: ${namespace}.${ref.name}`, details);
  }
  if (found.kind === "view") throw notLive(`the view ${qualifiedName(found.schema)}`, position);
  if (found.kind === "systemView") {
    throw new DbError(
      "PERMISSION_DENIED",
      `Permission denied: Cannot subscribe to system table '${found.view}'`,
      at(position),
    );
  }
  return found;
}

interface Projected {
  readonly projection: readonly number[];
  readonly wholeRow: boolean;
  readonly names: readonly string[];
}

interface ProjectionInput {
  readonly item: FromItem;
  readonly scope: Scope;
}

function liveProjection(session: BindSession, select: SelectStmt, { item, scope }: ProjectionInput): Projected {
  const projection: number[] = [];
  const names: string[] = [];
  const targets = select.targetList ?? [];
  for (const node of targets) {
    const target = "ResTarget" in node ? node.ResTarget : undefined;
    const position = session.position(locationOf(node));
    if (target?.val === undefined || !("ColumnRef" in target.val))
      throw notLive("an expression in the output list", position);
    const reference = target.val.ColumnRef;
    if (isStar(reference, item)) {
      if (targets.length > 1) throw notLive("* beside other columns", position);
      return {
        projection: item.visible.flatMap((column, index) => (column.system ? [] : [index])),
        wholeRow: true,
        names: [],
      };
    }
    const index = columnIndex(reference, { item, scope, position });
    if (projection.includes(index)) throw notLive("a column named twice", position);
    projection.push(index);
    names.push(target.name ?? item.visible[index]?.name ?? "");
  }
  if (new Set(names).size < names.length) throw notLive("two outputs of one name");
  return { projection, wholeRow: false, names };
}

function isStar(reference: ColumnRef, item: FromItem): boolean {
  const fields = reference.fields ?? [];
  const last = fields.at(-1);
  if (last === undefined || !("A_Star" in last)) return false;
  const [table] = fields.slice(0, -1).map(stringOf).toReversed();
  return table === undefined || table === item.tables[0]?.alias;
}

function columnIndex(
  reference: ColumnRef,
  { item, scope, position }: ProjectionInput & { readonly position: number | undefined },
): number {
  const [column = "", table, namespace] = (reference.fields ?? []).map(stringOf).toReversed();
  if (SYSTEM_COLUMNS.some((system) => system.name === column)) throw notLive(`${column} in the output list`, position);
  const isTable = table === undefined || table === item.tables[0]?.alias;
  const index = isTable ? item.visible.findIndex((candidate) => candidate.name === column.toLowerCase()) : -1;
  if (index >= 0) return index;
  throw columnNotFound(scope, { column, table, namespace, position });
}

function bindCondition(binder: Binder, where: Node | undefined, scope: Scope): Expr | undefined {
  if (where === undefined) return undefined;
  const operand = binder.expr(where, { scope, clause: "WHERE", traits: undefined, ctes: undefined });
  return required(operand, BOOLEAN, "WHERE");
}

/** A predicate that gives another answer each time it is asked has no result to be kept up to date. */
function refuseVolatile(session: BindSession): void {
  const { volatile } = session;
  if (volatile !== undefined) {
    throw notLive(`${volatile.name}, whose value differs from call to call,`, volatile.position);
  }
  // Its definition may become another while the live query goes on.
  const [read] = session.viewsRead;
  if (read !== undefined) throw notLive(`the view ${read}`);
  const view = session.relationUses().find((use) => use.kind === "systemView");
  if (view?.kind === "systemView") throw notLive(`the system view ${view.view}`);
}

/** Their rows are in no database, and have no common position with rows that a query process reads. */
function refuseStreams(session: BindSession): void {
  for (const use of session.relationUses()) {
    if (use.kind === "systemView" || use.schema.kind !== "stream") continue;
    throw notLive(`a sub-query with the STREAM table ${qualifiedName(use.schema)}`);
  }
}

function compilePredicate(
  condition: Expr,
  { item, generators }: { readonly item: FromItem; readonly generators: Generators },
): Evaluate | undefined {
  const relation = item.tables[0]?.relation;
  for (const part of walk(condition)) {
    const isDeleted =
      part.kind === "column" && part.relation === relation && item.visible[part.column]?.name === DELETED_COLUMN;
    if (isDeleted) throw notLive(`${DELETED_COLUMN} in WHERE`);
  }
  const cellIndex = (other: number, column: number): number | undefined => (other === relation ? column : undefined);
  return compile(condition, { cellIndex, generators, deterministic: true });
}

function strategyOf(
  condition: Expr | undefined,
  predicate: Evaluate | undefined,
  match: ((versions: number) => QueryPlan) | undefined,
): LiveStrategy {
  if (condition === undefined || match === undefined || predicate !== undefined) return { kind: "filter" };
  if (walk(condition).some((part) => part.kind === "query")) return { kind: "rerun", why: "a sub-query" };
  return { kind: "matchRows", why: "a regular expression", match };
}

interface ShapeInput {
  readonly table: TableSchema;
  readonly projection: readonly number[];
  readonly wholeRow: boolean;
  readonly condition: Expr | undefined;
}

/** Without alias, spelling and literal values: only what decides which rows and columns a subscriber gets. */
function shapeText(session: BindSession, { table, projection, wholeRow, condition }: ShapeInput): string {
  const nameOf = (index: number): string =>
    table.columns[index]?.name ?? (index === table.columns.length ? SEQ_COLUMN : DELETED_COLUMN);
  const columns = wholeRow ? "*" : projection.map(nameOf).join(", ");
  if (condition === undefined) return `SELECT ${columns} FROM ${qualifiedName(table)}`;
  const hasQuery = walk(condition).some((part) => part.kind === "query");
  const render = createRenderer({
    // Among several relations a bare name would not say whose column it is.
    column: (relation, column) => (hasQuery ? session.columnText(relation, column) : nameOf(column)),
    slot: (slot) => `?${slot + 1}::${slotType(session, slot)}`,
  });
  const uses = session.relationUses();
  const nameOfUse = (use: RelationUse | undefined): string =>
    use === undefined || use.kind === "systemView" ? "" : qualifiedName(use.schema);
  const where = cutAtHoles(render(condition)).map((piece) =>
    typeof piece === "string" ? piece : nameOfUse(uses[piece]),
  );
  return `SELECT ${columns} FROM ${qualifiedName(table)} WHERE ${where.join("")}`;
}

function slotType(session: BindSession, slot: number): string {
  const type = session.slots[slot]?.type;
  return type === undefined ? "" : typeText(type);
}
