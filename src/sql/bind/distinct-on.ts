// DISTINCT ON: of the rows that agree in some expressions, the first by ORDER BY. SQLite has no such clause; the rows are numbered within their groups.
import { DbError } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import type { RenderArg } from "./binder.ts";
import { sameValueAs } from "./grouping.ts";
import { comparisonKey } from "./interval.ts";
import { settled } from "./operand.ts";
import { type OrderTerm, renderOrder } from "./order.ts";
import { contextOf, type SelectParts } from "./select-parts.ts";
import type { BindSession } from "./session.ts";
import { type Outputs, outputByName, outputByPosition } from "./sort.ts";

/** Undefined unless the SELECT has the clause. The parser says plain DISTINCT by one empty node. */
export function distinctOnKeys(parts: SelectParts, outputs: Outputs): readonly Expr[] | undefined {
  const nodes = (parts.stmt.distinctClause ?? []).filter((node) => Object.keys(node).length > 0);
  if (nodes.length === 0) return undefined;
  const { session } = parts.binder;
  return nodes.map((node) => {
    const named = { outputs, clause: "ORDER BY" } as const;
    const index = outputByPosition(session, node, named) ?? outputByName(session, node, named);
    const output = index === undefined ? undefined : outputs.exprs[index];
    return output ?? settled(parts.binder.expr(node, contextOf(parts, "ORDER BY")));
  });
}

/** As in PostgreSQL: the expressions come first in ORDER BY, in any order. */
export function assertLeadsOrder(session: BindSession, on: readonly Expr[], terms: readonly OrderTerm[]): void {
  const leading = terms.findIndex(({ expr }) => !sameValueAs(session, expr, on));
  if (leading === -1) return;
  const led = terms.slice(0, leading).map(({ expr }) => expr);
  if (on.every((key) => sameValueAs(session, key, led))) return;
  throw new DbError("SQL_EXECUTION_ERROR", "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
}

interface FirstRows {
  readonly on: readonly Expr[];
  readonly terms: readonly OrderTerm[];
  /** Number of outputs. */
  readonly width: number;
  /** Outputs as text, `… AS o0, …`. */
  readonly list: string;
  /** FROM to HAVING. */
  readonly source: string;
}

export function renderDistinctOn({ on, terms, width, list, source }: FirstRows, renderArg: RenderArg): string {
  const keys = on.map((expr, index) => `${renderArg(comparisonKey(expr))} AS d${index}`);
  const sorted = terms.map(({ expr }, index) => `${renderArg(expr)} AS t${index}`);
  const partition = on.map((_, index) => `d${index}`).join(", ");
  const order = renderOrder(terms.length > 0 ? terms.map(byName("t")) : on.map(keyTerm).map(byName("d")), renderArg);
  const outputs = Array.from({ length: width }, (_, index) => `o${index}`).join(", ");
  const hidden = [...on.map((_, index) => `d${index}`), ...terms.map((_, index) => `t${index}`)].join(", ");
  const rows = `SELECT ${[list, ...keys, ...sorted].join(", ")}${source}`;
  const numbered = `SELECT ${outputs}, ${hidden}, row_number() OVER (PARTITION BY ${partition} ORDER BY ${order}) AS n FROM (${rows})`;
  return `SELECT ${outputs} FROM (${numbered}) WHERE n = 1 ORDER BY ${order}`;
}

function keyTerm(expr: Expr): OrderTerm {
  return { expr, value: expr, descending: false, nullsFirst: false, nullable: true };
}

/** The term where its expression is a column of the rows below. */
function byName(prefix: "t" | "d"): (term: OrderTerm, index: number) => OrderTerm {
  return (term, index) => ({
    ...term,
    expr: { kind: "query", form: "subquery", type: term.expr.type, args: [], render: () => `${prefix}${index}` },
  });
}
