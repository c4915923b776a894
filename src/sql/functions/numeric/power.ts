import { DbError } from "../../../base/errors.ts";
import { DOUBLE } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { finiteDouble } from "../numeric-range.ts";

function raised(base: number, exponent: number): number {
  if (base === 0 && exponent < 0) {
    throw new DbError("SQL_EXECUTION_ERROR", "zero raised to a negative power is undefined");
  }
  if (base < 0 && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
    throw new DbError("SQL_EXECUTION_ERROR", "a negative number raised to a non-integer power yields a complex result");
  }
  return finiteDouble(base ** exponent, [base, exponent]);
}

export const power = defineFunction("power", [overload(["double", "double"], DOUBLE, raised)]);
export const pow = alias("pow", power);
