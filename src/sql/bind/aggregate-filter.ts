import type { FuncCall } from "libpg-query";
import { BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { required } from "./operand.ts";

/** FILTER (WHERE …) of an aggregate: one condition, if any. */
export function filterOf(binder: Binder, node: FuncCall, context: ExprContext): readonly Expr[] | undefined {
  if (node.agg_filter === undefined) return undefined;
  return [required(binder.expr(node.agg_filter, { ...context, clause: "FILTER" }), BOOLEAN, "FILTER")];
}

export function filterText(filter: readonly Expr[] | undefined, renderArg: RenderArg): string {
  const [condition] = filter ?? [];
  return condition === undefined ? "" : ` FILTER (WHERE ${renderArg(condition)})`;
}
