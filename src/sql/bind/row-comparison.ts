// Comparisons of row values, `(a, b) < (1, 2)`, spelled out over their parts.
import type { Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { CompareOp, Expr } from "../expression.ts";
import type { Binder, ExprContext } from "./binder.ts";
import { conjunction, disjunction } from "./boolean.ts";
import { compare } from "./comparison.ts";
import type { Operand } from "./operand.ts";
import { at } from "./syntax.ts";

export function rowOf(node: Node | undefined): readonly Node[] | undefined {
  return node !== undefined && "RowExpr" in node ? (node.RowExpr.args ?? []) : undefined;
}

interface RowComparison {
  readonly op: CompareOp;
  readonly left: Node | undefined;
  readonly right: Node | undefined;
  readonly position: number | undefined;
}

export function bindRowComparison(
  binder: Binder,
  { op, left, right, position }: RowComparison,
  context: ExprContext,
): Expr {
  const [lefts, rights] = [rowOf(left) ?? [], rowOf(right) ?? []];
  if (lefts.length !== rights.length || lefts.length === 0) {
    throw new DbError("SQL_EXECUTION_ERROR", "unequal number of entries in row expressions", at(position));
  }
  const pairs = lefts.map((node, index): [Operand, Operand] => [
    binder.expr(node, context),
    binder.expr(rights[index] ?? node, context),
  ]);
  const parts = (by: CompareOp): Expr[] => pairs.map(([a, b]) => compare(by, a, b, position));
  if (op === "=") return conjunction(parts("="));
  if (op === "<>") return disjunction(parts("<>"));
  return lexicographic(parts("="), parts(op === "<=" ? "<" : op === ">=" ? ">" : op), parts(op));
}

/** (a, b) < (c, d) is a < c OR (a = c AND b < d); the last pair alone decides between < and <=. */
function lexicographic(equals: readonly Expr[], stricts: readonly Expr[], lasts: readonly Expr[]): Expr {
  const branches = stricts.map((strict, index) => {
    const decides = index === stricts.length - 1 ? (lasts[index] ?? strict) : strict;
    return conjunction([...equals.slice(0, index), decides]);
  });
  return disjunction(branches);
}
