// GROUP BY and HAVING.
import type { Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { BOOLEAN } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import { createGrouping } from "./grouping.ts";
import { required, settled } from "./operand.ts";
import { findColumn } from "./scope.ts";
import { contextOf, type SelectParts } from "./select-parts.ts";
import { type Outputs, outputByName, outputByPosition } from "./sort.ts";
import { at, locationOf, stringOf, unsupported } from "./syntax.ts";
import { walk } from "./walk.ts";

export interface Grouped {
  /** Undefined when the query has no groups: each input row is an output row. */
  readonly keys: readonly Expr[] | undefined;
  readonly having: Expr | undefined;
}

export function bindGroupBy(parts: SelectParts, outputs: Outputs): Grouped {
  const { binder, stmt, traits } = parts;
  const keys = (stmt.groupClause ?? []).map((node) => groupKey(parts, node, outputs));
  const having =
    stmt.havingClause === undefined
      ? undefined
      : required(binder.expr(stmt.havingClause, contextOf(parts, "HAVING")), BOOLEAN, "HAVING");
  if (having !== undefined && keys.length === 0 && !traits.hasAggregates) {
    throw unsupported("HAVING without GROUP BY or an aggregate");
  }
  return { keys: keys.length > 0 || traits.hasAggregates ? keys : undefined, having };
}

function groupKey(parts: SelectParts, node: Node, outputs: Outputs): Expr {
  const { session } = parts.binder;
  const position = session.position(locationOf(node));
  if ("GroupingSet" in node) throw unsupported("GROUPING SETS, ROLLUP and CUBE", position);
  const index = outputByPosition(session, node, { outputs, clause: "GROUP BY" }) ?? outputByAlias(parts, node, outputs);
  const output = index === undefined ? undefined : outputs.exprs[index];
  if (output === undefined) return settled(parts.binder.expr(node, contextOf(parts, "GROUP BY")));
  for (const part of walk(output)) {
    if (part.kind !== "query" || part.form === "subquery" || part.form === "output") continue;
    const kind = part.form === "window" ? "window" : "aggregate";
    throw new DbError("SQL_EXECUTION_ERROR", `${kind} functions are not allowed in GROUP BY`, at(position));
  }
  return output;
}

/** A name in GROUP BY is an input column first, and an output's alias only when there is no such column. */
function outputByAlias(parts: SelectParts, node: Node, outputs: Outputs): number | undefined {
  const fields = "ColumnRef" in node ? (node.ColumnRef.fields ?? []) : [];
  const column = fields.length === 1 ? stringOf(fields[0]) : undefined;
  if (column === undefined) return undefined;
  const name = { column, table: undefined, namespace: undefined, position: undefined };
  const isInput = parts.scope.visible.some((candidate) => candidate.name === column);
  if (isInput && findColumn(parts.scope, name) !== undefined) return undefined;
  return outputByName(parts.binder.session, node, { outputs, clause: "GROUP BY" });
}

/** Every output, ORDER BY term and HAVING must have one value for each group. */
export function assertGrouped(parts: SelectParts, keys: readonly Expr[], exprs: readonly Expr[]): void {
  const grouping = createGrouping(parts.binder.session, keys, parts.scope);
  for (const expr of exprs) grouping.assertGrouped(expr);
}
