// LIMIT and OFFSET. NULL means no limit, as in PostgreSQL; a negative number is refused when the slot's value is known.
import type { Node, SelectStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { BIGINT } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { RowCountClause, ValueSource } from "../plan.ts";
import type { Binder, QueryEnv, RenderArg } from "./binder.ts";
import { settled, tryCoerce, typeLabel } from "./operand.ts";
import { valueSource } from "./point.ts";
import { emptyScope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { at, unsupported } from "./syntax.ts";

interface RowCount {
  readonly expr: Expr;
  /** Known not to be negative. */
  readonly checked: boolean;
}

export interface RowCounts {
  readonly render: (renderArg: RenderArg) => string;
  readonly isPresent: boolean;
  /** LIMIT 1, written out. */
  readonly isOne: boolean;
  /** Undefined: none, or one that has to be computed. */
  readonly limit: ValueSource | undefined;
  readonly offset: ValueSource | "computed" | undefined;
}

export function bindRowCounts(binder: Binder, stmt: SelectStmt, env: QueryEnv): RowCounts {
  if (stmt.limitOption === "LIMIT_OPTION_WITH_TIES") throw unsupported("FETCH … WITH TIES");
  const limit = bindRowCount(binder, stmt.limitCount, { clause: "LIMIT", env });
  const offset = bindRowCount(binder, stmt.limitOffset, { clause: "OFFSET", env });
  const render = (renderArg: RenderArg): string => {
    if (limit === undefined && offset === undefined) return "";
    const count = limit === undefined ? "-1" : rowCountText(limit, renderArg, "-1");
    return ` LIMIT ${count}${offset === undefined ? "" : ` OFFSET ${rowCountText(offset, renderArg, "0")}`}`;
  };
  const isOne = !env.topLevel && limit !== undefined && isOneRow(binder.session, limit.expr);
  const isPresent = limit !== undefined || offset !== undefined;
  const offsetSource = offset === undefined ? undefined : (sourceOf(offset) ?? "computed");
  return { render, isPresent, isOne, limit: limit && sourceOf(limit), offset: offsetSource };
}

function sourceOf({ expr, checked }: RowCount): ValueSource | undefined {
  return checked ? valueSource(expr) : undefined;
}

function rowCountText({ expr, checked }: RowCount, renderArg: RenderArg, ifNull: string): string {
  const text = renderArg(expr);
  // A computed count cannot be checked before the statement runs; below zero it counts as zero.
  return checked ? `COALESCE(${text}, ${ifNull})` : `COALESCE(MAX(${text}, 0), ${ifNull})`;
}

function bindRowCount(
  binder: Binder,
  node: Node | undefined,
  { clause, env }: { readonly clause: RowCountClause; readonly env: QueryEnv },
): RowCount | undefined {
  if (node === undefined) return undefined;
  if ("ParamRef" in node && (node.ParamRef.number ?? 0) > 0) {
    const index = (node.ParamRef.number ?? 0) - 1;
    return { expr: binder.session.slotExpr({ kind: "parameter", index, type: BIGINT, clause }), checked: true };
  }
  const scope = emptyScope(undefined, []);
  const operand = binder.expr(node, { scope, clause: "LIMIT", traits: undefined, ctes: env.ctes });
  if ("A_Const" in node && node.A_Const.isnull === true) return undefined;
  const expr = tryCoerce(operand, BIGINT, "assignment");
  if (expr === undefined) {
    const message = `argument of ${clause} must be type bigint, not type ${typeLabel(settled(operand).type)}`;
    throw new DbError("SQL_EXECUTION_ERROR", message, at(operand.position));
  }
  if (expr.kind === "constant" && typeof expr.value === "bigint" && expr.value < 0n) {
    throw new DbError("SQL_EXECUTION_ERROR", `${clause} must not be negative`, at(operand.position));
  }
  return withClause(binder.session, expr, clause);
}

/** The slot of a literal says that its value counts rows. */
function withClause(session: BindSession, expr: Expr, clause: RowCountClause): RowCount {
  const slot = expr.kind === "slot" ? session.slots[expr.slot] : undefined;
  if (slot?.kind === "literal") return { expr: session.slotExpr({ ...slot, clause }), checked: true };
  return { expr, checked: expr.kind === "constant" };
}

function isOneRow(session: BindSession, expr: Expr): boolean {
  if (expr.kind === "constant") return expr.value === 1n;
  const slot = expr.kind === "slot" ? session.slots[expr.slot] : undefined;
  if (slot?.kind !== "literal" || slot.negated === true || session.literal(slot.index)?.text !== "1") return false;
  session.pin(slot.index);
  return true;
}
