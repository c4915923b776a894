// The output list of SELECT and RETURNING: names, `*` and `t.*` spelled out.
import type { ColumnRef, Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { SchemaFlag } from "../../model/schema.ts";
import type { Expr } from "../expression.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { type Operand, typed } from "./operand.ts";
import { outputName } from "./output-name.ts";
import {
  columnNotFound,
  type FoundColumn,
  findColumn,
  mention,
  type Scope,
  type ScopeColumn,
  tablesNamed,
} from "./scope.ts";
import type { BindSession } from "./session.ts";
import { at, stringOf } from "./syntax.ts";

export interface Target {
  readonly name: string;
  readonly operand: Operand;
  readonly nullable: boolean;
  readonly flags: readonly SchemaFlag[];
}

/** PostgreSQL's MaxTupleAttributeNumber. */
const MAX_TARGETS = 1664;

export function bindTargets(
  binder: Binder,
  nodes: readonly Node[],
  { context, userColumnsOnly }: { readonly context: ExprContext; readonly userColumnsOnly: boolean },
): readonly Target[] {
  const targets: Target[] = [];
  for (const node of nodes) {
    if (!("ResTarget" in node) || node.ResTarget.val === undefined)
      throw new Error("an output column without expression");
    const { val, name } = node.ResTarget;
    const star = "ColumnRef" in val ? starColumns(binder.session, val.ColumnRef, context.scope) : undefined;
    if (star !== undefined) {
      targets.push(...star.filter((target) => !userColumnsOnly || !target.system));
    } else targets.push(bindTarget(binder, val, { name, context }));
    if (targets.length > MAX_TARGETS) {
      throw new DbError("UNSUPPORTED", `target lists can have at most ${MAX_TARGETS} entries`);
    }
  }
  return targets;
}

function bindTarget(
  binder: Binder,
  node: Node,
  { name, context }: { readonly name: string | undefined; readonly context: ExprContext },
): Target {
  const operand = binder.expr(node, context);
  const column = "ColumnRef" in node ? directColumn(node.ColumnRef, context.scope) : undefined;
  return {
    name: name ?? outputName(node),
    operand,
    nullable: column?.nullable ?? true,
    flags: column?.flags ?? [],
  };
}

function directColumn(node: ColumnRef, scope: Scope): ScopeColumn | undefined {
  const [column = "", table, namespace] = (node.fields ?? []).map(stringOf).toReversed();
  return findColumn(scope, { column, table, namespace, position: undefined })?.column;
}

/** Undefined when the reference is no star. */
function starColumns(
  session: BindSession,
  node: ColumnRef,
  scope: Scope,
): readonly (Target & { readonly system: boolean })[] | undefined {
  const fields = node.fields ?? [];
  const last = fields.at(-1);
  if (last === undefined || !("A_Star" in last)) return undefined;
  const position = session.position(node.location);
  const [table, namespace] = fields.slice(0, -1).map(stringOf).toReversed();
  const columns =
    table === undefined
      ? scope.visible.map((column): FoundColumn => ({ column, passed: [] }))
      : tableColumns(scope, { table, namespace, position });
  if (columns.length === 0) {
    throw new DbError("SQL_EXECUTION_ERROR", "SELECT * with no tables specified is not valid", at(position));
  }
  return columns.map((found) => {
    const expr: Expr = mention(session, found, position);
    const { name, nullable, flags, system } = found.column;
    return { name, operand: typed(expr, position), nullable, flags, system };
  });
}

function tableColumns(
  scope: Scope,
  name: { readonly table: string; readonly namespace: string | undefined; readonly position: number | undefined },
): readonly FoundColumn[] {
  const passed: Scope[] = [];
  for (let current: Scope | undefined = scope; current !== undefined; current = current.outer) {
    const [table] = tablesNamed(current, name);
    if (table !== undefined) return table.columns.map((column): FoundColumn => ({ column, passed }));
    passed.push(current);
  }
  throw columnNotFound(scope, { ...name, column: "*" });
}
