// The rule of GROUP BY: an output that is neither grouped nor aggregated has no single value for a group.
import { DbError } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import { createRenderer } from "../render/render-expression.ts";
import type { Scope } from "./scope.ts";
import type { BindSession } from "./session.ts";
import { at } from "./syntax.ts";
import { children, ownRelations, walk } from "./walk.ts";

export interface Grouping {
  /** Throws unless the expression has one value for each group. */
  readonly assertGrouped: (expr: Expr) => void;
}

export function createGrouping(session: BindSession, keys: readonly Expr[], scope: Scope): Grouping {
  const keyTexts = new Map(keys.map((key) => [valueText(session, key), key]));
  const relations = ownRelations(scope);
  const determined = new Set(
    scope.tables.flatMap((table) => {
      const isKey = (key: Expr): boolean =>
        key.kind === "column" && key.relation === table.relation && key.column === table.keyColumn;
      return keys.some(isKey) ? [table.relation] : [];
    }),
  );
  const assertGrouped = (expr: Expr): void => {
    const key = isConstant(expr) ? undefined : keyTexts.get(valueText(session, expr));
    if (key !== undefined) {
      pinLiterals(session, [key, expr]);
      return;
    }
    if (expr.kind === "query" && expr.form === "aggregate") return;
    if (expr.kind === "column") {
      if (!relations.has(expr.relation) || determined.has(expr.relation)) return;
      const label = session.columnLabel(expr.relation, expr.column);
      throw new DbError(
        "SQL_EXECUTION_ERROR",
        `column "${label}" must appear in the GROUP BY clause or be used in an aggregate function`,
        at(session.positionOf(expr)),
      );
    }
    for (const child of children(expr)) assertGrouped(child);
  };
  return { assertGrouped };
}

function isConstant(expr: Expr): boolean {
  return expr.kind === "constant" || expr.kind === "slot";
}

/** Equal for expressions that have the same value: literals count by what they say, not by where they stand. */
function valueText(session: BindSession, expr: Expr): string {
  const render = createRenderer({
    column: (relation, column) => session.columnText(relation, column),
    slot: (index) => {
      const slot = session.slots[index];
      if (slot?.kind !== "literal") return `?${index + 1}`;
      const literal = session.literal(slot.index);
      return `${slot.negated === true ? "-" : ""}${JSON.stringify(literal?.text)} ${slot.type.kind}`;
    },
  });
  return render(expr);
}

/** The two are the same only while their literals are. */
function pinLiterals(session: BindSession, exprs: readonly Expr[]): void {
  for (const expr of exprs.flatMap(walk)) {
    const slot = expr.kind === "slot" ? session.slots[expr.slot] : undefined;
    if (slot?.kind === "literal") session.pin(slot.index);
  }
}

/** For ORDER BY under DISTINCT: which of the outputs an expression repeats. */
export function sameValueAs(session: BindSession, expr: Expr, outputs: readonly Expr[]): boolean {
  const text = valueText(session, expr);
  const match = outputs.find((output) => valueText(session, output) === text);
  if (match !== undefined) pinLiterals(session, [match, expr]);
  return match !== undefined;
}
