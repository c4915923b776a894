// `timestamp ± interval`. Intervals exist only here: no column, parameter or result has that type.
import { DbError } from "../../base/errors.ts";
import { BIGINT, INT, TIMESTAMP } from "../../model/sql-type.ts";
import { internalFunction } from "../functions/registry.ts";
import { type Interval, negateInterval } from "../functions/temporal/interval.ts";
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

export function addInterval(session: BindSession, sum: Sum): Operand {
  const { operator, left, right, position } = sum;
  if (right?.kind === "interval" && operator === "-") {
    const negated: Operand = { ...right, interval: negateInterval(right.interval) };
    return left === undefined ? negated : addInterval(session, { operator: "+", left, right: negated, position });
  }
  const [instant, shift] = right?.kind === "interval" ? [left, right] : [right, left];
  const isSum = operator === "+" && instant !== undefined && instant.kind !== "interval";
  if (!isSum || shift?.kind !== "interval") throw notSupported(sum);
  return shifted(session, instant, { interval: shift.interval, position });
}

interface Shift {
  readonly interval: Interval;
  readonly position: number | undefined;
}

function shifted(session: BindSession, instant: Operand, { interval, position }: Shift): Operand {
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

function notSupported({ operator, left, right, position }: Sum): DbError {
  const label = (operand: Operand | undefined): string =>
    operand === undefined ? "" : operand.kind === "interval" ? "interval" : typeLabel(operandType(operand));
  const text = [label(left), operator, label(right)].filter((part) => part !== "").join(" ");
  return new DbError("UNSUPPORTED", `operator ${text} is not supported`, at(position));
}
