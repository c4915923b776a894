// Whole rows as JSON: `row_to_json(t)`, `to_json(t)` and `json_agg(t)` of what FROM calls t, and of ROW(…), whose members are f1, f2, ….
import type { Node } from "libpg-query";
import { TEXT } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { internalFunction } from "../functions/registry.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { applyFunction } from "./call.ts";
import { documentOf } from "./document.ts";
import { castTo, constant, type Operand, typed } from "./operand.ts";
import { rowOf } from "./row-comparison.ts";
import { type FoundColumn, findColumn, mention, type Scope, tablesNamed } from "./scope.ts";
import { locationOf, stringOf, unsupported } from "./syntax.ts";

/** Half of what a call takes. */
const MAX_MEMBERS = 50;

interface Member {
  readonly name: string;
  readonly value: Operand;
}

/** Undefined when the node is no row. */
export function bindRowDocument(binder: Binder, node: Node, context: ExprContext): Operand | undefined {
  const members = rowMembers(binder, node, context);
  if (members === undefined) return undefined;
  const { session } = binder;
  const position = session.position(locationOf(node));
  if (members.length > MAX_MEMBERS) throw unsupported(`a row of more than ${MAX_MEMBERS} columns as JSON`, position);
  const args = members.flatMap(({ name, value }): Expr[] => [
    constant(name, TEXT),
    castTo(documentOf(session, value), TEXT),
  ]);
  const resolved = internalFunction(
    "json_object_of",
    args.map(() => TEXT),
  );
  return typed(
    applyFunction(
      session,
      resolved,
      args.map((arg) => typed(arg)),
      position,
    ),
    position,
  );
}

function rowMembers(binder: Binder, node: Node, context: ExprContext): readonly Member[] | undefined {
  const row = "RowExpr" in node ? rowOf(node) : undefined;
  if (row !== undefined)
    return row.map((item, index) => ({ name: `f${index + 1}`, value: binder.expr(item, context) }));
  if (!("ColumnRef" in node)) return undefined;
  const fields = node.ColumnRef.fields ?? [];
  const isStar = fields.length === 2 && "A_Star" in (fields[1] ?? {});
  const name = stringOf(fields[0]);
  if (name === undefined || (fields.length !== 1 && !isStar)) return undefined;
  const asColumn = { column: name, table: undefined, namespace: undefined, position: undefined };
  if (!isStar && findColumn(context.scope, asColumn) !== undefined) return undefined;
  const { session } = binder;
  const position = session.position(node.ColumnRef.location);
  return columnsOf(context.scope, name)
    ?.filter(({ column }) => !column.system)
    .map((found) => ({ name: found.column.name, value: typed(mention(session, found, position), position) }));
}

function columnsOf(scope: Scope, table: string): readonly FoundColumn[] | undefined {
  const passed: Scope[] = [];
  for (let current: Scope | undefined = scope; current !== undefined; current = current.outer) {
    const [found] = tablesNamed(current, { table, namespace: undefined });
    if (found !== undefined) return found.columns.map((column) => ({ column, passed: [...passed] }));
    passed.push(current);
  }
  return undefined;
}
