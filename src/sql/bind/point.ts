// Point lookups: a filter that names the rows of one table by their primary key.
import type { Expr } from "../expression.ts";
import type { ValueSource } from "../plan.ts";
import { conjuncts } from "./boolean.ts";
import type { FromItem } from "./relation.ts";

/** More keys than this are work for a query process. */
const MAX_KEYS = 32;

/** The keys that bound the rows, or undefined when the filter does not bound them. */
export function pointKeys(from: FromItem | undefined, where: Expr | undefined): readonly ValueSource[] | undefined {
  const table = from?.baseTable;
  if (table === undefined) return undefined;
  const isKey = (expr: Expr): boolean =>
    expr.kind === "column" && expr.relation === table.relation && expr.column === table.schema.keyIndex;
  for (const part of conjuncts(where)) {
    const keys = equalValues(part, isKey);
    if (keys !== undefined && keys.length <= MAX_KEYS) return keys;
  }
  return undefined;
}

/** `column = value` or `column IN (values)`, the column told by `isColumn`. */
export function equalValues(expr: Expr, isColumn: (expr: Expr) => boolean): readonly ValueSource[] | undefined {
  if (expr.kind === "compare" && expr.op === "=") {
    const [left, right] = [withoutWidening(expr.left), withoutWidening(expr.right)];
    const value = isColumn(left) ? valueSource(right) : isColumn(right) ? valueSource(left) : undefined;
    return value === undefined ? undefined : [value];
  }
  if (expr.kind !== "in" || expr.negated || !isColumn(withoutWidening(expr.arg))) return undefined;
  const values = expr.list.map(valueSource);
  return values.every((value) => value !== undefined) ? values : undefined;
}

export function valueSource(expr: Expr): ValueSource | undefined {
  if (expr.kind === "slot") return { kind: "slot", slot: expr.slot };
  return expr.kind === "constant" ? { kind: "constant", value: expr.value } : undefined;
}

/** Sees through casts that leave a value's form in memory and in storage as it is, so that the column and the value still compare. */
export function withoutWidening(expr: Expr): Expr {
  if (expr.kind !== "cast") return expr;
  const [from, to] = [expr.arg.type, expr.type];
  const isSameForm =
    (from.kind === "smallint" && to.kind === "int") ||
    (from.kind === "decimal" && to.kind === "decimal" && from.scale === to.scale && from.precision <= to.precision) ||
    (from.kind === "datetime" && to.kind === "timestamp") ||
    (from.kind === "timestamp" && to.kind === "datetime");
  return isSameForm ? withoutWidening(expr.arg) : expr;
}
