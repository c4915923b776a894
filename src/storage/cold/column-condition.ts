// A condition on one column with its values: what row-group statistics can rule out, and which values of a column satisfy it. Values are in SQLite's forms
// and compare as they do there; NULL satisfies nothing but IS NULL.
import type { SqliteValue, SqlType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { ColumnStatistics } from "./segment-footer.ts";
import { compareSqlite } from "./sqlite-order.ts";

export type ComparisonOperator = "<" | "<=" | ">" | ">=";

/** `place` counts the table's columns, then `_seq`. */
export type ColumnCondition =
  | { readonly kind: "in"; readonly place: number; readonly values: readonly SqliteValue[] }
  | {
      readonly kind: "compare";
      readonly place: number;
      readonly op: ComparisonOperator;
      readonly value: SqliteValue;
    }
  | { readonly kind: "isNull"; readonly place: number; readonly negated: boolean };

/** False only when no row of the group satisfies the condition. */
export function mayHold(condition: ColumnCondition, { bounds, nulls }: ColumnStatistics): boolean {
  if (condition.kind === "isNull") {
    return condition.negated ? bounds === undefined || bounds.min !== null : nulls !== 0;
  }
  if (bounds === undefined) return true;
  const { min, max } = bounds;
  if (min === null || max === null) return false;
  if (condition.kind === "in") {
    return condition.values.some(
      (value) => value !== null && compareSqlite(value, min) >= 0 && compareSqlite(value, max) <= 0,
    );
  }
  // The bound that lies furthest on the side asked for.
  return isMet(condition.op, condition.op.startsWith("<") ? min : max, condition.value);
}

function isMet(op: ComparisonOperator, value: SqliteValue, limit: SqliteValue): boolean {
  if (value === null || limit === null) return false;
  const order = compareSqlite(value, limit);
  switch (op) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** Tells the values of a column that satisfy the condition. `type` is the column's. */
export function matcherOf(condition: ColumnCondition, type: SqlType): (value: SqliteValue) => boolean {
  if (condition.kind === "isNull") {
    const { negated } = condition;
    return (value) => (value === null) !== negated;
  }
  const inForm = formOf(type);
  if (condition.kind === "compare") {
    const limit = inForm(condition.value);
    const { op } = condition;
    return (value) => isMet(op, value, limit);
  }
  const wanted = new Set(condition.values.filter((value) => value !== null).map(inForm));
  const [only] = wanted;
  return wanted.size === 1 ? (value) => value === only : (value) => wanted.has(value);
}

/** Integers arrive as number or bigint; values of one column have one of the two, and only equals of one kind are identical. */
function formOf(type: SqlType): (value: SqliteValue) => SqliteValue {
  const { sqlite, wide } = TYPES[type.kind];
  if (sqlite === "REAL") return (value) => (typeof value === "bigint" ? Number(value) : value);
  if (sqlite !== "INTEGER") return (value) => value;
  return (value) => {
    if (wide) return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value;
    return typeof value === "bigint" ? Number(value) : value;
  };
}
