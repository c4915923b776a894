// Calls of aggregate functions.
import type { FuncCall } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { BIGINT, type SqlType } from "../../model/sql-type.ts";
import type { Expr, MergeKind, QueryExpr } from "../expression.ts";
import { filterOf, filterText } from "./aggregate-filter.ts";
import { AGGREGATES } from "./aggregate-forms.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { functionNotFound } from "./call.ts";
import { assertNoIntervals, comparisonKey } from "./interval.ts";
import { type Operand, operandType, settled, tryCoerce } from "./operand.ts";
import { bindOrderTerm, renderOrder } from "./order.ts";
import { type BoundAggregate, bindOrderedSet, isOrderedSet } from "./ordered-set.ts";
import { bindRowDocument } from "./row-document.ts";
import { at, namesOf, unsupported } from "./syntax.ts";
import { ownRelations, walk } from "./walk.ts";

/** Those whose values are documents. */
const AGGREGATES_OF_ROWS: ReadonlySet<string> = new Set([
  "json_agg",
  "jsonb_agg",
  "json_object_agg",
  "jsonb_object_agg",
]);

export function isAggregate(name: string): boolean {
  return Object.hasOwn(AGGREGATES, name) || isOrderedSet(name);
}

/** Inside the arguments of a call nothing is grouped yet. */
function innerContext(context: ExprContext, overWindow: boolean): ExprContext {
  return overWindow ? { ...context, clause: "window" } : { ...context, clause: "aggregate" };
}

export function bindAggregate(binder: Binder, node: FuncCall, context: ExprContext): QueryExpr {
  const name = namesOf(node.funcname).at(-1) ?? "";
  const position = binder.session.position(node.location);
  if (context.clause === "aggregate" || context.clause === "FILTER") {
    const message =
      context.clause === "FILTER"
        ? "aggregate functions are not allowed in FILTER"
        : "aggregate function calls cannot be nested";
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const allowed = ["SELECT", "HAVING", "ORDER BY", "window"].includes(context.clause);
  if (!allowed || context.traits === undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", `aggregate functions are not allowed in ${context.clause}`, at(position));
  }
  const bound = bindAggregateCall(binder, node, context, false);
  const relations = ownRelations(context.scope);
  const columns = bound.args.flatMap((arg) => walk(arg).filter((expr) => expr.kind === "column"));
  if (columns.length > 0 && columns.every((column) => !relations.has(column.relation))) {
    throw unsupported(`${name} over columns of an enclosing query only`, position);
  }
  context.traits.hasAggregates = true;
  return {
    kind: "query",
    form: "aggregate",
    type: bound.type,
    args: bound.args,
    render: (renderArg) => bound.finish(bound.render(renderArg)),
    ...mergeOf(name, node, bound.args),
  };
}

/** SQLite has booleans as 0 and 1. */
const MERGES: Readonly<Record<string, MergeKind>> = {
  count: "count",
  sum: "sum",
  avg: "avg",
  min: "min",
  max: "max",
  bool_and: "min",
  every: "min",
  bool_or: "max",
};

function mergeOf(name: string, node: FuncCall, args: readonly Expr[]): Pick<QueryExpr, "merge"> {
  const isPlain = node.agg_filter === undefined && node.agg_distinct !== true && node.agg_order === undefined;
  const kind = isPlain && Object.hasOwn(MERGES, name) ? MERGES[name] : undefined;
  return kind === undefined ? {} : { merge: { kind, column: args[0] } };
}

export function bindAggregateCall(
  binder: Binder,
  node: FuncCall,
  context: ExprContext,
  overWindow: boolean,
): BoundAggregate {
  const name = namesOf(node.funcname).at(-1) ?? "";
  const position = binder.session.position(node.location);
  const inner = innerContext(context, overWindow);
  if (overWindow && isOrderedSet(name)) {
    throw new DbError("UNSUPPORTED", `OVER is not supported for ordered-set aggregate ${name}`, at(position));
  }
  if (isOrderedSet(name)) return bindOrderedSet(binder, node, inner);
  if (node.agg_within_group === true) {
    const message = `${name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const filter = filterOf(binder, node, inner);
  if (node.agg_star !== true) return bindArguments(binder, node, { name, inner, filter, overWindow });
  if (name !== "count") {
    const message = `${name}(*) must be used to call a parameterless aggregate function`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(position));
  }
  const render = (renderArg: RenderArg): string => `COUNT(*)${filterText(filter, renderArg)}`;
  return { type: BIGINT, args: filter ?? [], render, finish: (call) => call };
}

interface PlainCall {
  readonly name: string;
  readonly inner: ExprContext;
  readonly filter: readonly Expr[] | undefined;
  readonly overWindow: boolean;
}

function bindArguments(binder: Binder, node: FuncCall, { name, inner, filter, overWindow }: PlainCall): BoundAggregate {
  const position = binder.session.position(node.location);
  const form = AGGREGATES[name];
  if (form === undefined) throw new Error(`no aggregate ${name}`);
  const takesRows = AGGREGATES_OF_ROWS.has(name);
  const given = (node.args ?? []).map(
    (arg) => (takesRows ? bindRowDocument(binder, arg, inner) : undefined) ?? binder.expr(arg, inner),
  );
  const operands = form.prepare?.(binder.session, given) ?? given;
  const resolved = form.resolve(operands.map(operandType));
  if (resolved === undefined) throw functionNotFound(name, given, position);
  const args = operands.map((operand, index) => argumentOf(operand, resolved.args[index]));
  const terms = (node.agg_order ?? []).map((term) => bindOrderTerm(binder, term, inner));
  const sqlite = (overWindow ? form.window : undefined) ?? form.sqlite(resolved.args);
  const listed = node.agg_distinct === true ? distinctArguments(name, args, position) : args;
  // Equal intervals need not read the same.
  if (node.agg_distinct === true && name !== "count") assertNoIntervals(args, `${name} with DISTINCT`);
  const render = (renderArg: RenderArg): string => {
    const list = listed.map((arg) => renderArg(node.agg_distinct === true ? comparisonKey(arg) : arg)).join(", ");
    // What PostgreSQL tells apart by sorting comes out sorted.
    const sorted = name === "array_agg" && node.agg_distinct === true ? ` ORDER BY ${list}` : "";
    const order = terms.length === 0 ? sorted : ` ORDER BY ${renderOrder(terms, renderArg)}`;
    return `${sqlite}(${node.agg_distinct === true ? "DISTINCT " : ""}${list}${order})${filterText(filter, renderArg)}`;
  };
  const finish = (call: string): string => form.finish(call, resolved.args);
  return { type: resolved.type, args: [...args, ...terms.map((term) => term.expr), ...(filter ?? [])], render, finish };
}

function argumentOf(operand: Operand, type: SqlType | undefined): Expr {
  return (type === undefined ? undefined : tryCoerce(operand, type, "implicit")) ?? settled(operand);
}

/** SQLite's DISTINCT takes one argument; its separator is then a comma. */
function distinctArguments(name: string, args: readonly Expr[], position: number | undefined): readonly Expr[] {
  if (args.length <= 1) return args;
  throw unsupported(`${name} with DISTINCT`, position);
}
