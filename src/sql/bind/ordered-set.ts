// percentile_cont, percentile_disc and mode: aggregates `WITHIN GROUP (ORDER BY …)` of one term.
import type { FuncCall } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { DOUBLE, type SqlType, TEXT } from "../../model/sql-type.ts";
import { FLOAT_KINDS } from "../../model/type-kinds.ts";
import type { Expr } from "../expression.ts";
import { sqliteAggregateName } from "../functions/aggregates/definition.ts";
import { filterOf, filterText } from "./aggregate-filter.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { functionNotFound } from "./call.ts";
import { constant, type Operand, operandType, settled, tryCoerce } from "./operand.ts";
import { at, namesOf } from "./syntax.ts";

export interface BoundAggregate {
  readonly type: SqlType;
  /** Arguments, FILTER and ORDER BY. */
  readonly args: readonly Expr[];
  readonly render: (renderArg: RenderArg) => string;
  /** Applied to the whole call, OVER included. */
  readonly finish: (call: string) => string;
}

/** How many arguments stand before WITHIN GROUP. */
const DIRECT_ARGUMENTS: Readonly<Record<string, number>> = { percentile_cont: 1, percentile_disc: 1, mode: 0 };

export function isOrderedSet(name: string): boolean {
  return Object.hasOwn(DIRECT_ARGUMENTS, name);
}

/** The context is that of the arguments of an aggregate. */
export function bindOrderedSet(binder: Binder, node: FuncCall, context: ExprContext): BoundAggregate {
  const name = namesOf(node.funcname).at(-1) ?? "";
  const position = binder.session.position(node.location);
  const direct = (node.args ?? []).map((arg) => binder.expr(arg, context));
  const [term, ...more] = node.agg_order ?? [];
  if (node.agg_within_group !== true || term === undefined || !("SortBy" in term) || term.SortBy.node === undefined) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      `WITHIN GROUP is required for ordered-set aggregate ${name}`,
      at(position),
    );
  }
  const sortedBy = binder.expr(term.SortBy.node, context);
  if (more.length > 0 || direct.length !== DIRECT_ARGUMENTS[name]) {
    throw functionNotFound(name, [...direct, sortedBy], position);
  }
  const value = name === "percentile_cont" ? continuous(sortedBy) : settled(sortedBy);
  const fraction = fractionOf(direct[0]);
  if (value === undefined || fraction === undefined) throw functionNotFound(name, [...direct, sortedBy], position);
  const filter = filterOf(binder, node, context);
  const descending = term.SortBy.sortby_dir === "SORTBY_DESC" ? 1 : 0;
  const render = (renderArg: RenderArg): string =>
    `${sqliteAggregateName(name)}(${renderArg(value)}, ${renderArg(fraction)}, ${descending})${filterText(filter, renderArg)}`;
  return {
    type: value.type,
    args: [value, fraction, ...(filter ?? [])],
    render,
    finish: (call) => finished(call, value.type),
  };
}

/** What there is a middle of: numbers and intervals. */
function continuous(operand: Operand): Expr | undefined {
  return operandType(operand)?.kind === "interval" ? settled(operand) : tryCoerce(operand, DOUBLE, "implicit");
}

function fractionOf(operand: Operand | undefined): Expr | undefined {
  if (operand === undefined) return constant(null, DOUBLE);
  if (operandType(operand)?.kind === TEXT.kind) return undefined;
  return tryCoerce(operand, DOUBLE, "implicit");
}

/** SQLite takes an integral double of a registered function for an INTEGER. */
function finished(call: string, type: SqlType): string {
  return FLOAT_KINDS.has(type.kind) ? `(${call} + 0.0)` : call;
}
