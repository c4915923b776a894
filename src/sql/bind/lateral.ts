// Queries in FROM that use columns of the items before them. SQLite has no LATERAL, but its table-valued functions see what stands before them: the rows of
// such a query are packed into a JSON array by a correlated sub-query and unpacked by json_each.
import type { Alias } from "libpg-query";
import type { SqlType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import type { Binder, QueryColumn, QueryEnv, QueryTraits, RenderArg } from "./binder.ts";
import { derivedItem, type FromItem } from "./relation.ts";
import { emptyScope, type Scope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { walk } from "./walk.ts";

export interface FromContext {
  readonly binder: Binder;
  readonly env: QueryEnv;
  readonly traits: QueryTraits;
  /** The items before, whose columns LATERAL and functions may use. */
  readonly left?: FromItem | undefined;
}

/** What an item of FROM may use: the items before it, then the queries around. */
export function scopeAround(left: FromItem | undefined, { outer, captured }: QueryEnv): Scope | undefined {
  if (left === undefined) return outer === undefined ? undefined : emptyScope(outer, captured);
  return { tables: left.tables, visible: left.visible, outer, captured };
}

export interface QueryInFrom {
  readonly alias: Alias | undefined;
  readonly name: string;
  readonly columns: readonly QueryColumn[];
  /** A SELECT with outputs `o0, o1, …`. */
  readonly render: (renderArg: RenderArg) => string;
  /** What it uses of the queries and FROM items around it. */
  readonly captured: readonly Expr[];
}

/** `left`: the items before it, whose columns it may use. */
export function queryItem(session: BindSession, query: QueryInFrom, left: FromItem | undefined): FromItem {
  session.forbidPoint();
  const input = { alias: query.alias, name: query.name, columns: query.columns, position: undefined };
  if (!usesAny(query.captured, left)) {
    return derivedItem(session, { ...input, render: (renderArg) => `(${query.render(renderArg)})` });
  }
  const list = query.columns.map(({ type }, index) => packed(`o${index}`, type)).join(", ");
  const item = derivedItem(session, {
    ...input,
    sqlName: "value",
    render: (renderArg) =>
      `json_each((SELECT json_group_array(json_array(${list})) FROM (${query.render(renderArg)})))`,
  });
  return { ...item, ...unpackedColumns(item) };
}

function usesAny(captured: readonly Expr[], left: FromItem | undefined): boolean {
  const relations = new Set((left?.tables ?? []).map((table) => table.relation));
  return captured.flatMap(walk).some((part) => part.kind === "column" && relations.has(part.relation));
}

function unpackedColumns({ tables }: FromItem): Pick<FromItem, "tables" | "visible"> {
  const unpacking = tables.map((table) => ({
    ...table,
    columns: table.columns.map((column, index) => ({ ...column, expr: unpackedExpr(column.expr, index) })),
  }));
  return { tables: unpacking, visible: unpacking.flatMap(({ columns }) => columns) };
}

function unpackedExpr(column: Expr, index: number): Expr {
  const { type } = column;
  const render = (renderArg: RenderArg): string => unpacked(`${renderArg(column)} ->> ${index}`, type);
  return { kind: "query", form: "subquery", type, args: [column], render };
}

/** JSON holds 64-bit integers, doubles and text exactly, and no bytes. */
function packed(text: string, type: SqlType): string {
  return TYPES[type.kind].sqlite === "BLOB" ? `iif(${text} IS NULL, NULL, hex(${text}))` : text;
}

function unpacked(text: string, type: SqlType): string {
  switch (TYPES[type.kind].sqlite) {
    case "BLOB":
      return `unhex(${text})`;
    case "REAL":
      return `CAST(${text} AS REAL)`;
    default:
      return `(${text})`;
  }
}
