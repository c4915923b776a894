// Window functions: OVER (PARTITION BY … ORDER BY … frame).
import type { FuncCall, Node, WindowDef } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { intervalOf } from "../../model/interval.ts";
import { BIGINT, DOUBLE, INT, INTERVAL, type SqlType, type TypeKind } from "../../model/sql-type.ts";
import type { Expr, QueryExpr } from "../expression.ts";
import { bindAggregateCall, isAggregate } from "./aggregate.ts";
import type { Binder, ExprContext, RenderArg } from "./binder.ts";
import { functionNotFound } from "./call.ts";
import { comparisonKey } from "./interval.ts";
import { constant, type Operand, required, settled, tryCoerce, unify } from "./operand.ts";
import { bindOrderTerm, type OrderTerm, renderOrder } from "./order.ts";
import { at, namesOf, unsupported } from "./syntax.ts";
import { walk } from "./walk.ts";

interface RankForm {
  readonly type: SqlType;
  readonly sqlite: string;
}

/** Without arguments. */
const RANKS: Readonly<Record<string, RankForm>> = {
  row_number: { type: BIGINT, sqlite: "row_number" },
  rank: { type: BIGINT, sqlite: "rank" },
  dense_rank: { type: BIGINT, sqlite: "dense_rank" },
  percent_rank: { type: DOUBLE, sqlite: "percent_rank" },
  cume_dist: { type: DOUBLE, sqlite: "cume_dist" },
};
/** The value of another row of the window: of the first argument's type. */
const VALUES: Readonly<Record<string, readonly number[]>> = {
  first_value: [1],
  last_value: [1],
  nth_value: [2],
  lag: [1, 2, 3],
  lead: [1, 2, 3],
};

export function isWindowFunction(name: string): boolean {
  return Object.hasOwn(RANKS, name) || Object.hasOwn(VALUES, name) || name === "ntile";
}

interface BoundPart {
  readonly args: readonly Expr[];
  readonly render: (renderArg: RenderArg) => string;
}

interface BoundCall extends BoundPart {
  readonly type: SqlType;
  readonly finish: (call: string) => string;
}

export function bindWindow(binder: Binder, node: FuncCall, context: ExprContext): QueryExpr {
  const name = namesOf(node.funcname).at(-1) ?? "";
  const position = binder.session.position(node.location);
  if (context.clause === "window") {
    throw new DbError("SQL_EXECUTION_ERROR", "window function calls cannot be nested", at(position));
  }
  if ((context.clause !== "SELECT" && context.clause !== "ORDER BY") || context.traits === undefined) {
    const clause = context.clause === "aggregate" ? "aggregate function calls" : context.clause;
    throw new DbError("SQL_EXECUTION_ERROR", `window functions are not allowed in ${clause}`, at(position));
  }
  if (node.over === undefined) {
    throw new DbError("SQL_EXECUTION_ERROR", `window function ${name} requires an OVER clause`, at(position));
  }
  if (node.agg_distinct === true) {
    throw new DbError("UNSUPPORTED", "DISTINCT is not implemented for window functions", at(position));
  }
  if ((node.agg_order ?? []).length > 0) throw unsupported("ORDER BY inside a window function's arguments", position);
  context.traits.hasWindows = true;
  const inner: ExprContext = { ...context, clause: "window" };
  const call = isAggregate(name) ? bindAggregateCall(binder, node, context, true) : bindCall(binder, name, node, inner);
  const window = bindDefinition(
    binder,
    definitionOf(node.over, { context, position: binder.session.position(node.over.location) }),
    inner,
  );
  const args = [...call.args, ...window.args];
  const render = (renderArg: RenderArg): string =>
    call.finish(`${call.render(renderArg)} OVER (${window.render(renderArg)})`);
  return { kind: "query", form: "window", type: call.type, args, render };
}

function bindCall(binder: Binder, name: string, node: FuncCall, context: ExprContext): BoundCall {
  const position = binder.session.position(node.location);
  const operands = (node.args ?? []).map((arg) => binder.expr(arg, context));
  if (node.agg_filter !== undefined) {
    throw new DbError("UNSUPPORTED", "FILTER is not implemented for non-aggregate window functions", at(position));
  }
  const args = argumentsOf(name, operands);
  if (args === undefined) throw functionNotFound(name, operands, position);
  const form = RANKS[name];
  const type = name === "ntile" ? INT : (form?.type ?? args[0]?.type ?? BIGINT);
  return { type, args, render: (renderArg) => `${name}(${args.map(renderArg).join(", ")})`, finish: (call) => call };
}

function argumentsOf(name: string, operands: readonly Operand[]): readonly Expr[] | undefined {
  const [first, second, third] = operands;
  if (Object.hasOwn(RANKS, name)) return operands.length === 0 ? [] : undefined;
  if (first === undefined || !(VALUES[name] ?? [1]).includes(operands.length)) return undefined;
  if (name === "ntile") return present([tryCoerce(first, INT, "implicit")]);
  const offset = second === undefined ? [] : [tryCoerce(second, INT, "implicit")];
  if (third === undefined) return present([settled(first), ...offset]);
  const values = unify([first, third])?.exprs;
  return values === undefined ? undefined : present([values[0], ...offset, values[1]]);
}

function present(exprs: readonly (Expr | undefined)[]): readonly Expr[] | undefined {
  const found = exprs.filter((expr) => expr !== undefined);
  return found.length === exprs.length ? found : undefined;
}

/** OVER name, OVER (…), or OVER (name …), which adds to a named window. */
function definitionOf(
  over: WindowDef,
  { context, position }: { readonly context: ExprContext; readonly position: number | undefined },
): WindowDef {
  const name = over.name ?? over.refname;
  if (name === undefined) return over;
  const node = context.traits?.windows.get(name);
  if (node === undefined || !("WindowDef" in node)) {
    throw new DbError("SQL_EXECUTION_ERROR", `window "${name}" does not exist`, at(position));
  }
  const base = node.WindowDef;
  if (base.refname !== undefined) throw unsupported("a named window that builds on another");
  return over.name === undefined ? extended(base, over, name) : base;
}

/** A window that adds to a named one may not say again what that says. */
function extended(base: WindowDef, over: WindowDef, name: string): WindowDef {
  const [partition = [], order = []] = [base.partitionClause, base.orderClause];
  const { partitionClause = [], orderClause = [] } = over;
  const twice =
    partitionClause.length > 0 ? "PARTITION BY" : orderClause.length > 0 && order.length > 0 ? "ORDER BY" : "";
  if (twice !== "") throw new DbError("SQL_EXECUTION_ERROR", `cannot override ${twice} clause of window "${name}"`);
  return { ...over, partitionClause: partition, orderClause: orderClause.length > 0 ? orderClause : order };
}

function bindDefinition(binder: Binder, window: WindowDef, context: ExprContext): BoundPart {
  const partition = (window.partitionClause ?? []).map((node) => settled(binder.expr(node, context)));
  const order = (window.orderClause ?? []).map((node) => bindOrderTerm(binder, node, context));
  const frame = bindFrame(binder, window, { context, order });
  const render = (renderArg: RenderArg): string => {
    const parts = [
      partition.length === 0 ? "" : `PARTITION BY ${partition.map((key) => renderArg(comparisonKey(key))).join(", ")}`,
      order.length === 0 ? "" : `ORDER BY ${renderOrder(order, renderArg)}`,
      frame.render(renderArg),
    ];
    return parts.filter((part) => part !== "").join(" ");
  };
  return { args: [...partition, ...order.map((term) => term.expr), ...frame.args], render };
}

/** PostgreSQL's FRAMEOPTION bits. */
const FRAME = {
  nonDefault: 0x1,
  range: 0x2,
  rows: 0x4,
  groups: 0x8,
  startUnboundedPreceding: 0x20,
  startCurrentRow: 0x200,
  endCurrentRow: 0x400,
  startPreceding: 0x800,
  endPreceding: 0x1000,
  startFollowing: 0x2000,
  endFollowing: 0x4000,
  endUnboundedFollowing: 0x100,
  excludeCurrentRow: 0x8000,
  excludeGroup: 0x10000,
  excludeTies: 0x20000,
} as const;

interface FrameInput {
  readonly context: ExprContext;
  readonly order: readonly OrderTerm[];
}

function bindFrame(binder: Binder, window: WindowDef, { context, order }: FrameInput): BoundPart {
  const options = window.frameOptions ?? 0;
  if ((options & FRAME.nonDefault) === 0) return { args: [], render: () => "" };
  const has = (bit: number): boolean => (options & bit) !== 0;
  const unit = has(FRAME.rows) ? "ROWS" : has(FRAME.groups) ? "GROUPS" : "RANGE";
  const bound = (node: Node | undefined): Expr[] =>
    node === undefined ? [] : [frameOffset(binder, node, { context, order, unit })];
  const [start, end] = [bound(window.startOffset), bound(window.endOffset)];
  const exclude = has(FRAME.excludeCurrentRow)
    ? " EXCLUDE CURRENT ROW"
    : has(FRAME.excludeGroup)
      ? " EXCLUDE GROUP"
      : has(FRAME.excludeTies)
        ? " EXCLUDE TIES"
        : "";
  const render = (renderArg: RenderArg): string => {
    const first = start.map(renderArg).join("");
    const last = end.map(renderArg).join("");
    const from = has(FRAME.startUnboundedPreceding)
      ? "UNBOUNDED PRECEDING"
      : has(FRAME.startCurrentRow)
        ? "CURRENT ROW"
        : `${first} ${has(FRAME.startPreceding) ? "PRECEDING" : "FOLLOWING"}`;
    const to = has(FRAME.endUnboundedFollowing)
      ? "UNBOUNDED FOLLOWING"
      : has(FRAME.endCurrentRow)
        ? "CURRENT ROW"
        : `${last} ${has(FRAME.endPreceding) ? "PRECEDING" : "FOLLOWING"}`;
    return `${unit} BETWEEN ${from} AND ${to}${exclude}`;
  };
  return { args: [...start, ...end], render };
}

/** How far apart in storage two instants are that an interval without months parts; undefined for anything else. */
function temporalDistance(operand: Operand, type: SqlType | undefined): Expr | undefined {
  const unitUs = type === undefined ? undefined : US_PER_STORED_UNIT[type.kind];
  const expr = unitUs === undefined ? undefined : tryCoerce(operand, INTERVAL, "implicit");
  if (unitUs === undefined || expr?.kind !== "constant" || expr.value === null) return undefined;
  const { months, days, us } = intervalOf(String(expr.value));
  const distance = BigInt(days) * US_PER_DAY + us;
  if (months !== 0 || distance % unitUs !== 0n) {
    throw unsupported("RANGE with an interval of months, or of parts of days over dates", operand.position);
  }
  if (distance < 0n) {
    throw new DbError(
      "SQL_EXECUTION_ERROR",
      "invalid preceding or following size in window function",
      at(operand.position),
    );
  }
  return constant(distance / unitUs, BIGINT);
}

const US_PER_DAY = 86_400_000_000n;
const US_PER_STORED_UNIT: Partial<Readonly<Record<TypeKind, bigint>>> = {
  timestamp: 1n,
  datetime: 1n,
  time: 1n,
  date: US_PER_DAY,
};

/** SQLite measures a RANGE on the storage form, which is a distance for numbers alone. */
function frameOffset(binder: Binder, node: Node, { context, order, unit }: FrameInput & { unit: string }): Expr {
  const operand = binder.expr(node, context);
  if (walk(settled(operand)).some((part) => part.kind === "column")) {
    throw new DbError("SQL_EXECUTION_ERROR", `argument of ${unit} must not contain variables`, at(operand.position));
  }
  if (unit !== "RANGE") return required(operand, BIGINT, unit);
  const type = order[0]?.expr.type;
  const distance = order.length === 1 ? temporalDistance(operand, type) : undefined;
  if (distance !== undefined) return distance;
  const isNumber = type !== undefined && ["smallint", "int", "bigint", "float", "double"].includes(type.kind);
  if (!isNumber || order.length !== 1)
    throw unsupported("RANGE with an offset over anything but one number", operand.position);
  return required(operand, type, "RANGE");
}
