// Aggregate functions. SQLite's own, over storage forms, except where decimals need exact sums.
import type { FuncCall, Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { MAX_PRECISION } from "../../model/decimal.ts";
import { BIGINT, BOOLEAN, DOUBLE, type SqlType, TEXT, type TypeKind } from "../../model/sql-type.ts";
import type { Expr, QueryExpr } from "../expression.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { functionNotFound } from "./call.ts";
import { type Operand, operandType, required, settled, tryCoerce } from "./operand.ts";
import { type OrderTerm, orderTerm, renderOrder } from "./order.ts";
import { at, namesOf, unsupported } from "./syntax.ts";
import { ownRelations, walk } from "./walk.ts";

interface AggregateForm {
  /** Of the arguments as given. Undefined: there is no such aggregate. */
  readonly resolve: (
    types: readonly (SqlType | undefined)[],
  ) => { args: readonly SqlType[]; type: SqlType } | undefined;
  /** SQLite's name for it, given the argument types. */
  readonly sqlite: (args: readonly SqlType[]) => string;
  /** Applied to the finished call (FILTER and OVER included). */
  readonly finish: (call: string, args: readonly SqlType[]) => string;
}

const INTEGERS: ReadonlySet<TypeKind> = new Set(["smallint", "int", "bigint"]);
const FLOATS: ReadonlySet<TypeKind> = new Set(["float", "double"]);
const UNORDERED: ReadonlySet<TypeKind> = new Set(["boolean", "json"]);

function oneArgument(
  typeOf: (type: SqlType) => SqlType | undefined,
  sqlite: (type: SqlType) => string,
  finish: (call: string, type: SqlType) => string = (call) => call,
): AggregateForm {
  return {
    finish: (call, [type]) => finish(call, type ?? TEXT),
    resolve: (types) => {
      const [given] = types;
      const type = given === undefined || types.length !== 1 ? undefined : typeOf(given);
      return given === undefined || type === undefined ? undefined : { args: [given], type };
    },
    sqlite: ([type]) => sqlite(type ?? TEXT),
  };
}

function sumType(type: SqlType): SqlType | undefined {
  if (INTEGERS.has(type.kind)) return BIGINT;
  if (FLOATS.has(type.kind)) return type;
  return type.kind === "decimal" ? { kind: "decimal", precision: MAX_PRECISION, scale: type.scale } : undefined;
}

/** Fraction digits an average gains over its input. */
const AVERAGE_DIGITS = 4;

function averageDigits(scale: number): number {
  return Math.min(AVERAGE_DIGITS, MAX_PRECISION - scale);
}

function averageType(type: SqlType): SqlType | undefined {
  if (INTEGERS.has(type.kind) || FLOATS.has(type.kind)) return DOUBLE;
  if (type.kind !== "decimal") return undefined;
  return { kind: "decimal", precision: MAX_PRECISION, scale: type.scale + averageDigits(type.scale) };
}

const ordered = (type: SqlType): SqlType | undefined => (UNORDERED.has(type.kind) ? undefined : type);
const booleanOnly = (type: SqlType): SqlType | undefined => (type.kind === "boolean" ? BOOLEAN : undefined);
const everyTrue = oneArgument(booleanOnly, () => "MIN");

const AGGREGATES: Readonly<Record<string, AggregateForm>> = {
  count: {
    finish: (call) => call,
    resolve: (types) => (types.length === 1 ? { args: [types[0] ?? TEXT], type: BIGINT } : undefined),
    sqlite: () => "COUNT",
  },
  sum: oneArgument(
    sumType,
    (type) => (type.kind === "decimal" ? "group_concat" : "SUM"),
    (call, type) => (type.kind === "decimal" ? `k_sum_decimal_list_text(${call})` : call),
  ),
  avg: oneArgument(
    averageType,
    (type) => (type.kind === "decimal" ? "group_concat" : "AVG"),
    (call, type) =>
      type.kind === "decimal" ? `k_average_decimal_list_text_int(${call}, ${averageDigits(type.scale)})` : call,
  ),
  min: oneArgument(ordered, () => "MIN"),
  max: oneArgument(ordered, () => "MAX"),
  bool_and: everyTrue,
  every: everyTrue,
  bool_or: oneArgument(booleanOnly, () => "MAX"),
  string_agg: {
    finish: (call) => call,
    resolve: ([value, separator], ...rest) => {
      const isText = (type: SqlType | undefined): boolean => type === undefined || type.kind === "text";
      return rest.length === 0 && isText(value) && isText(separator) ? { args: [TEXT, TEXT], type: TEXT } : undefined;
    },
    sqlite: () => "group_concat",
  },
};

export function isAggregate(name: string): boolean {
  return Object.hasOwn(AGGREGATES, name);
}

export interface BoundAggregate {
  readonly type: SqlType;
  /** Arguments, FILTER and ORDER BY. */
  readonly args: readonly Expr[];
  readonly render: (renderArg: RenderArg) => string;
  /** Applied to the whole call, OVER included. */
  readonly finish: (call: string) => string;
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

function mergeOf(name: string, node: FuncCall, args: readonly Expr[]): Pick<QueryExpr, "merge"> {
  const isPlain = node.agg_filter === undefined && node.agg_distinct !== true && node.agg_order === undefined;
  if (!isPlain || (name !== "count" && name !== "min" && name !== "max")) return {};
  return { merge: { kind: name, column: args[0] } };
}

export function bindAggregateCall(
  binder: Binder,
  node: FuncCall,
  context: ExprContext,
  overWindow: boolean,
): BoundAggregate {
  const name = namesOf(node.funcname).at(-1) ?? "";
  const position = binder.session.position(node.location);
  const form = AGGREGATES[name];
  if (form === undefined) throw new Error(`no aggregate ${name}`);
  if (node.agg_within_group === true) throw unsupported(`${name} WITHIN GROUP`, position);
  const inner = innerContext(context, overWindow);
  const filter = filterOf(binder, node, inner);
  if (node.agg_star === true) {
    if (name !== "count")
      throw new DbError(
        "SQL_EXECUTION_ERROR",
        `${name}(*) must be used to call a parameterless aggregate function`,
        at(position),
      );
    const render = (renderArg: RenderArg): string => `COUNT(*)${filterText(filter, renderArg)}`;
    return { type: BIGINT, args: filter ?? [], render, finish: (call) => call };
  }
  const operands = (node.args ?? []).map((arg) => binder.expr(arg, inner));
  const resolved = form.resolve(operands.map(operandType));
  if (resolved === undefined) throw functionNotFound(name, operands, position);
  const args = operands.map((operand, index) => argumentOf(operand, resolved.args[index]));
  const terms = (node.agg_order ?? []).map((term) => aggregateOrder(binder, term, inner));
  const sqlite = form.sqlite(resolved.args);
  const separator = node.agg_distinct === true ? distinctArguments(name, args, position) : args;
  const render = (renderArg: RenderArg): string => {
    const list = separator.map(renderArg).join(", ");
    const order = terms.length === 0 ? "" : ` ORDER BY ${renderOrder(terms, renderArg)}`;
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

function filterOf(binder: Binder, node: FuncCall, context: ExprContext): readonly Expr[] | undefined {
  if (node.agg_filter === undefined) return undefined;
  return [required(binder.expr(node.agg_filter, { ...context, clause: "FILTER" }), BOOLEAN, "FILTER")];
}

function filterText(filter: readonly Expr[] | undefined, renderArg: RenderArg): string {
  const [condition] = filter ?? [];
  return condition === undefined ? "" : ` FILTER (WHERE ${renderArg(condition)})`;
}

function aggregateOrder(binder: Binder, node: Node, context: ExprContext): OrderTerm {
  if (!("SortBy" in node) || node.SortBy.node === undefined) throw new Error("an ORDER BY without expression");
  return orderTerm(node.SortBy, settled(binder.expr(node.SortBy.node, context)));
}
