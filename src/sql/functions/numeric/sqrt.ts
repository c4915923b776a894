import { DbError } from "../../../base/errors.ts";
import { DOUBLE } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const sqrt = defineFunction("sqrt", [
  overload(["double"], DOUBLE, (value) => {
    if (value < 0) throw new DbError("SQL_EXECUTION_ERROR", "cannot take square root of a negative number");
    return Math.sqrt(value);
  }),
]);
