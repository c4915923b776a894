// ORDER BY terms as SQLite text. PostgreSQL puts NULLs last when ascending and first when descending; SQLite does the opposite.
import type { Node, SortBy } from "libpg-query";
import { TYPES } from "../../model/types.ts";
import type { Expr } from "../expression.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { comparisonKey } from "./interval.ts";
import { settled } from "./operand.ts";
import { unsupported } from "./syntax.ts";

export interface OrderTerm {
  /** What the text says. */
  readonly expr: Expr;
  /** What that is the value of: `expr`, or the output that `expr` names. */
  readonly value: Expr;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  /** Without NULLs nothing is said about them, so that an index can give the order. */
  readonly nullable: boolean;
}

export function orderTerm(node: SortBy, expr: Expr, nullable = true): OrderTerm {
  if (node.sortby_dir === "SORTBY_USING") throw unsupported("ORDER BY … USING");
  const descending = node.sortby_dir === "SORTBY_DESC";
  const nulls = node.sortby_nulls;
  const nullsFirst = nulls === "SORTBY_NULLS_FIRST" || (nulls !== "SORTBY_NULLS_LAST" && descending);
  return { expr, value: expr, descending, nullsFirst, nullable };
}

/** Of a call: nothing stands for an output or its number there. */
export function bindOrderTerm(binder: Binder, node: Node, context: ExprContext): OrderTerm {
  if (!("SortBy" in node) || node.SortBy.node === undefined) throw new Error("an ORDER BY without expression");
  return orderTerm(node.SortBy, settled(binder.expr(node.SortBy.node, context)));
}

interface OutputTerm {
  readonly index: number;
  readonly expr: Expr;
  readonly nullable: boolean;
  /** Wide integers of the output are text here, which sorts otherwise. */
  readonly isText: boolean;
}

/** An output by its generated name, so that it is evaluated once; not within an expression, where the name would be a column's of FROM before it is an output's. */
export function outputTerm(node: SortBy, { index, expr, nullable, isText }: OutputTerm): OrderTerm {
  const { type } = expr;
  const byName = !(isText && TYPES[type.kind].wide) && comparisonKey(expr) === expr;
  const output: Expr = { kind: "query", form: "output", type, args: [expr], render: () => `o${index}` };
  return { ...orderTerm(node, byName ? output : expr, nullable), value: expr };
}

export function renderOrder(terms: readonly OrderTerm[], renderArg: RenderArg): string {
  return terms
    .map(({ expr, descending, nullsFirst, nullable }) => {
      // A bare number would be the position of an output to SQLite; a constant puts rows in no order.
      const text = expr.kind === "constant" ? "NULL" : renderArg(comparisonKey(expr));
      const nulls = nullable ? ` NULLS ${nullsFirst ? "FIRST" : "LAST"}` : "";
      return `${text} ${descending ? "DESC" : "ASC"}${nulls}`;
    })
    .join(", ");
}
