// `timestamp ± interval`. Intervals exist only here: no column, parameter or result has that type.
import { DbError } from "../../base/errors.ts";
import { BIGINT, INT, TIMESTAMP } from "../../model/sql-type.ts";
import { internalFunction } from "../functions/registry.ts";
import { negateInterval } from "../functions/temporal/interval.ts";
import { applyFunction } from "./call.ts";
import { constant, type Operand, operandType, tryCoerce, typed, typeLabel } from "./operand.ts";
import type { BindSession } from "./session.ts";
import { at } from "./syntax.ts";

interface Sum {
  readonly operator: string;
  readonly left: Operand | undefined;
  readonly right: Operand | undefined;
  readonly position: number | undefined;
}

export function addInterval(session: BindSession, { operator, left, right, position }: Sum): Operand {
  if (left !== undefined && right?.kind === "interval" && (operator === "+" || operator === "-")) {
    const interval = operator === "-" ? negateInterval(right.interval) : right.interval;
    if (left.kind === "interval") throw notSupported(operator, left, right, position);
    return shift(session, left, interval, position);
  }
  const isSum = operator === "+" && left?.kind === "interval" && right !== undefined && right.kind !== "interval";
  if (isSum) return shift(session, right, left.interval, position);
  if (left === undefined && right?.kind === "interval" && operator === "-") {
    return { ...right, interval: negateInterval(right.interval) };
  }
  throw notSupported(operator, left, right, position);
}

function shift(
  session: BindSession,
  instant: Operand,
  interval: ReturnType<typeof negateInterval>,
  position: number | undefined,
): Operand {
  const timestamp = tryCoerce(instant, TIMESTAMP, "implicit");
  const resolved = internalFunction("add_interval", [TIMESTAMP, INT, INT, BIGINT]);
  if (timestamp === undefined) {
    const label = typeLabel(operandType(instant));
    throw new DbError("SQL_EXECUTION_ERROR", `operator does not exist: ${label} + interval`, at(position));
  }
  const args = [
    typed(timestamp),
    typed(constant(interval.months, INT)),
    typed(constant(interval.days, INT)),
    typed(constant(interval.us, BIGINT)),
  ];
  return typed(applyFunction(session, resolved, args, position), position);
}

function notSupported(
  operator: string,
  left: Operand | undefined,
  right: Operand | undefined,
  position: number | undefined,
): DbError {
  const label = (operand: Operand | undefined): string =>
    operand === undefined ? "" : operand.kind === "interval" ? "interval" : typeLabel(operandType(operand));
  const text = [label(left), operator, label(right)].filter((part) => part !== "").join(" ");
  return new DbError("UNSUPPORTED", `operator ${text} is not supported`, at(position));
}
