import { DbError } from "../../../base/errors.ts";
import { decimalOfScale } from "../decimal-types.ts";
import { defineFunction, overload } from "../definition.ts";
import { inDecimal } from "../numeric-range.ts";

/** The last that 38 digits hold is 33!. */
const MAX_ARGUMENT = 34n;

export const factorial = defineFunction("factorial", [
  overload(["bigint"], decimalOfScale(0), (n) => {
    if (n < 0n) throw new DbError("SQL_EXECUTION_ERROR", "factorial of a negative number is undefined");
    let product = 1n;
    for (let factor = 2n; factor <= n && factor <= MAX_ARGUMENT; factor++) product *= factor;
    return inDecimal(product);
  }),
]);
