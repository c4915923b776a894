// What a live query reads: one table, itself or through views that are no more than a filter and a list of its columns. Such a view is taken apart: its filter is joined to the
// query's own, its columns are the table's under the names the view gives them.
import type { Alias, ColumnRef, Node, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { qualifiedName, SYSTEM_COLUMNS, type TableSchema } from "../../model/schema.ts";
import { BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { tableRefOf } from "../parse/names.ts";
import type { ViewInfo } from "../plan.ts";
import type { Binder } from "./binder.ts";
import { required } from "./operand.ts";
import { type FromItem, relationHint, tableItem } from "./relation.ts";
import { columnNotFound, type Scope, type ScopeColumn } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { at, locationOf, nodeKind, stringOf, unsupported } from "./syntax.ts";

/** The columns that a SELECT can name, each one of the table's. */
interface LiveSource {
  readonly table: TableSchema;
  /** The table itself. */
  readonly item: FromItem;
  /** As the SELECT sees it. */
  readonly scope: Scope;
  readonly isView: boolean;
  /** Of the views on the way. */
  readonly conditions: readonly Expr[];
}

export interface LiveSelect extends LiveSource {
  /** Columns of `scope`, in the order of the list. */
  readonly columns: readonly ScopeColumn[];
  /** Positions in the table, in the same order; system columns are not among them. */
  readonly projection: readonly number[];
  readonly names: readonly string[];
  /** `*` of the table itself. */
  readonly wholeRow: boolean;
}

/** Refuses, by name, what is no list of columns of one table with a filter. */
export function bindLiveSelect(binder: Binder, select: SelectStmt): LiveSelect {
  refuseClauses(select);
  const source = liveSource(binder, select);
  const { places, isStar, names } = listOf(binder.session, select, source);
  const columns = places.flatMap((place) => source.scope.visible[place] ?? []);
  const projection = columns.flatMap(({ expr }) => (expr.kind === "column" ? [expr.column] : []));
  if (new Set(projection).size < projection.length) throw notLive("a column named twice");
  const own = bindCondition(binder, select.whereClause, source.scope);
  return {
    ...source,
    columns,
    projection,
    names: names.map((name, index) => name ?? columns[index]?.name ?? ""),
    wholeRow: isStar && !source.isView,
    conditions: own === undefined ? source.conditions : [...source.conditions, own],
  };
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

export function notLive(what: string, position?: number): DbError {
  return unsupported(`${what} in a live query`, position);
}

const NOT_LIVE_END = / in a live query is not supported$/;

function liveSource(binder: Binder, select: SelectStmt): LiveSource {
  const { session } = binder;
  const { found, alias, position } = liveRelation(session, select);
  if (found.kind === "view") return viewSource(binder, found, { alias, position });
  const item = tableItem(session, found, { alias, position: undefined });
  const scope: Scope = { tables: item.tables, visible: item.visible, outer: undefined, captured: [] };
  return { table: found, item, scope, isView: false, conditions: [] };
}

interface Found<R = TableSchema | ViewInfo> {
  readonly found: R;
  readonly alias: Alias | undefined;
  readonly position: number | undefined;
}

function liveRelation(session: BindSession, select: SelectStmt): Found {
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
  if (found.kind === "systemView") {
    throw new DbError(
      "PERMISSION_DENIED",
      `Permission denied: Cannot subscribe to system table '${found.view}'`,
      at(position),
    );
  }
  return { found, alias: from.RangeVar.alias, position };
}

function viewSource(
  binder: Binder,
  view: ViewInfo,
  { alias, position }: Pick<Found, "alias" | "position">,
): LiveSource {
  const { session } = binder;
  const { schema } = view;
  if (alias?.colnames !== undefined) throw notLive("new names for the columns of a view", position);
  const inner = session.insideView(schema, () => selectOfView(binder, view, position));
  const visible = schema.columns.map(({ name, output }): ScopeColumn => {
    const column = inner.columns[inner.names.indexOf(output)];
    if (column !== undefined) return { ...column, name };
    throw new DbError("COLUMN_NOT_FOUND", `view ${qualifiedName(schema)} has lost its column "${output}"`);
  });
  const [table] = inner.item.tables;
  const scope: Scope = {
    tables: [
      {
        alias: alias?.aliasname ?? schema.name,
        namespace: alias === undefined ? schema.namespace : undefined,
        relation: table?.relation ?? 0,
        columns: visible,
        keyColumn: undefined,
      },
    ],
    visible,
    outer: undefined,
    captured: [],
  };
  return { table: inner.table, item: inner.item, scope, isView: true, conditions: inner.conditions };
}

/** Says which view it is that cannot be taken apart. */
function selectOfView(binder: Binder, view: ViewInfo, position: number | undefined): LiveSelect {
  try {
    return bindLiveSelect(binder, view.select());
  } catch (error) {
    if (!(error instanceof DbError) || error.code !== "UNSUPPORTED") throw error;
    const why = error.message.replace(NOT_LIVE_END, "");
    throw notLive(`the view ${qualifiedName(view.schema)}, which has ${why},`, position);
  }
}

interface Listed {
  /** In `scope.visible`. */
  readonly places: readonly number[];
  /** Undefined: that of the column. */
  readonly names: readonly (string | undefined)[];
  readonly isStar: boolean;
}

function listOf(session: BindSession, select: SelectStmt, { scope }: LiveSource): Listed {
  const places: number[] = [];
  const names: (string | undefined)[] = [];
  const targets = select.targetList ?? [];
  for (const node of targets) {
    const target = "ResTarget" in node ? node.ResTarget : undefined;
    const position = session.position(locationOf(node));
    if (target?.val === undefined || !("ColumnRef" in target.val))
      throw notLive("an expression in the output list", position);
    const reference = target.val.ColumnRef;
    if (isStarOf(reference, scope)) {
      if (targets.length > 1) throw notLive("* beside other columns", position);
      const all = scope.visible.flatMap((column, place) => (column.system ? [] : [place]));
      return { places: all, isStar: true, names: all.map(() => undefined) };
    }
    const place = placeOf(reference, scope, position);
    if (places.includes(place)) throw notLive("a column named twice", position);
    places.push(place);
    names.push(target.name);
  }
  const shown = names.map((name, index) => name ?? scope.visible[places[index] ?? 0]?.name);
  if (new Set(shown).size < shown.length) throw notLive("two outputs of one name");
  return { places, isStar: false, names };
}

function isStarOf(reference: ColumnRef, scope: Scope): boolean {
  const fields = reference.fields ?? [];
  const last = fields.at(-1);
  if (last === undefined || !("A_Star" in last)) return false;
  const [table] = fields.slice(0, -1).map(stringOf).toReversed();
  return table === undefined || table === scope.tables[0]?.alias;
}

function placeOf(reference: ColumnRef, scope: Scope, position: number | undefined): number {
  const [column = "", table, namespace] = (reference.fields ?? []).map(stringOf).toReversed();
  if (SYSTEM_COLUMNS.some((system) => system.name === column)) throw notLive(`${column} in the output list`, position);
  const isTable = table === undefined || table === scope.tables[0]?.alias;
  const place = isTable ? scope.visible.findIndex((candidate) => candidate.name === column.toLowerCase()) : -1;
  if (place >= 0) return place;
  throw columnNotFound(scope, { column, table, namespace, position });
}

function bindCondition(binder: Binder, where: Node | undefined, scope: Scope): Expr | undefined {
  if (where === undefined) return undefined;
  const operand = binder.expr(where, { scope, clause: "WHERE", traits: undefined, ctes: undefined });
  return required(operand, BOOLEAN, "WHERE");
}
