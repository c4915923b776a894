// `a op b` over operands of any type.
import { DbError } from "../../base/errors.ts";
import { BOOLEAN, DATETIME, TIMESTAMP } from "../../model/sql-type.ts";
import type { CompareOp, Expr } from "../expression.ts";
import { comparisonKey } from "./interval.ts";
import { type Operand, operandType, settled, tryCoerce, typed, typeLabel, unify } from "./operand.ts";
import { at } from "./syntax.ts";

/** Types without an order or equality of their own, as PostgreSQL's json; what embeddings have is distances, and files have members. */
export const INCOMPARABLE: ReadonlySet<string> = new Set(["json", "embedding", "file"]);

/** Both operands brought to one type, or PostgreSQL's error. */
export function compare(op: CompareOp, left: Operand, right: Operand, position: number | undefined): Expr {
  const result = unify(sameClock(left, right));
  const [a, b] = result?.exprs ?? [];
  if (result === undefined || a === undefined || b === undefined || INCOMPARABLE.has(result.type.kind)) {
    throw operatorNotFound(op, [left, right], position);
  }
  return { kind: "compare", type: BOOLEAN, op, left: comparisonKey(a), right: comparisonKey(b) };
}

/** Instants and timestamps compare as they are, in UTC: a column stays bare, so that it can be looked up. */
function sameClock(left: Operand, right: Operand): readonly [Operand, Operand] {
  const kinds = [operandType(left)?.kind, operandType(right)?.kind];
  const isMixed = kinds.includes("datetime") && (kinds.includes("timestamp") || kinds.includes("date"));
  if (!isMixed) return [left, right];
  const column = [left, right].find((operand) => operand.kind === "typed" && operand.expr.kind === "column");
  const type = column === undefined || operandType(column)?.kind !== "datetime" ? TIMESTAMP : DATETIME;
  const as = (operand: Operand): Operand => typed(tryCoerce(operand, type, "implicit") ?? settled(operand));
  return [as(left), as(right)];
}

export function operatorNotFound(
  operator: string,
  operands: readonly Operand[],
  position: number | undefined,
): DbError {
  const labels = operands.map((operand) => typeLabel(operandType(operand)));
  const text = labels.length === 1 ? `${operator} ${labels[0]}` : `${labels[0]} ${operator} ${labels[1]}`;
  return new DbError("SQL_EXECUTION_ERROR", `operator does not exist: ${text}`, {
    ...at(position),
    hint: "No operator matches the given name and argument types. You might need to add explicit type casts.",
  });
}
