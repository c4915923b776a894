// ln, log (base 10) and log(base, x).
import { DbError } from "../../../base/errors.ts";
import { DOUBLE } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { divisionByZero, inDouble } from "../numeric-range.ts";

function positive(value: number): number {
  if (value === 0) throw new DbError("SQL_EXECUTION_ERROR", "cannot take logarithm of zero");
  if (value < 0) throw new DbError("SQL_EXECUTION_ERROR", "cannot take logarithm of a negative number");
  return value;
}

function logarithm(base: number, value: number): number {
  const divisor = Math.log(positive(base));
  if (divisor === 0) throw divisionByZero();
  return inDouble(Math.log(positive(value)) / divisor);
}

export const ln = defineFunction("ln", [overload(["double"], DOUBLE, (value) => Math.log(positive(value)))]);
export const log = defineFunction("log", [
  overload(["double"], DOUBLE, (value) => Math.log10(positive(value))),
  overload(["double", "double"], DOUBLE, logarithm),
]);
export const log10 = alias("log10", { ...log, overloads: log.overloads.slice(0, 1) });
