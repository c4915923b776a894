// The SET list of UPDATE and of ON CONFLICT DO UPDATE.
import type { Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { assigned } from "./operand.ts";
import { rowOf } from "./row-comparison.ts";
import { at, unsupported } from "./syntax.ts";
import { defaultOperand, targetColumn, type WriteTarget } from "./write-target.ts";

export interface BoundAssignment {
  /** Position in the table's columns. */
  readonly column: number;
  readonly value: Expr;
}

interface AssignmentContext {
  readonly target: WriteTarget;
  readonly context: ExprContext;
  /** True for values that leave the primary key as it is. */
  readonly keepsKey: (value: Expr) => boolean;
}

export function bindAssignments(
  binder: Binder,
  nodes: readonly Node[],
  { target, context, keepsKey }: AssignmentContext,
): readonly BoundAssignment[] {
  const { table } = target;
  const bound = new Map<number, BoundAssignment>();
  for (const node of nodes) {
    if (!("ResTarget" in node) || node.ResTarget.val === undefined) throw new Error("an assignment without value");
    const { name = "", val, indirection, location } = node.ResTarget;
    const position = binder.session.position(location);
    if ((indirection ?? []).length > 0) throw unsupported("assigning to a part of a column", position);
    const { index, column } = targetColumn(table, name, position);
    if (bound.has(index)) {
      throw new DbError("SQL_EXECUTION_ERROR", `multiple assignments to same column "${column.name}"`, at(position));
    }
    const source = assignedNode(val, position);
    const operand = "SetToDefault" in source ? defaultOperand(column, position) : binder.expr(source, context);
    const value = assigned(operand, column);
    if (index === table.keyIndex) {
      if (keepsKey(value)) continue;
      throw new DbError(
        "SQL_EXECUTION_ERROR",
        `UPDATE cannot modify primary key column '${column.name}'`,
        at(position),
      );
    }
    bound.set(index, { column: index, value });
  }
  return [...bound.values()];
}

/** `(a, b) = (1, 2)` arrives as one row shared by the assignments of its columns. */
function assignedNode(val: Node, position: number | undefined): Node {
  if (!("MultiAssignRef" in val)) return val;
  const { source, colno = 1, ncolumns = 1 } = val.MultiAssignRef;
  const parts = rowOf(source);
  if (parts === undefined) throw unsupported("assigning a sub-query to several columns", position);
  const part = parts[colno - 1];
  if (part === undefined || parts.length !== ncolumns) {
    throw new DbError("SQL_EXECUTION_ERROR", "number of columns does not match number of values", at(position));
  }
  return part;
}
