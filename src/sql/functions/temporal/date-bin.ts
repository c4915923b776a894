import { DbError } from "../../../base/errors.ts";
import type { TypeKind } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { US_PER_DAY } from "./instant.ts";
import { intervalReader } from "./interval-arithmetic.ts";
import { inTimestamp } from "./range.ts";

const INSTANTS = ["timestamp", "datetime"] as const satisfies readonly TypeKind[];

function fail(message: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", message);
}

/** The start of the stride a timestamp lies in, strides being counted from an origin. */
export const dateBin = defineFunction(
  "date_bin",
  INSTANTS.map((kind) =>
    preparedOverload(["interval", kind, kind], { kind }, () => {
      const read = intervalReader();
      return (stride, source, origin) => {
        const { months, days, us } = read(stride);
        if (months !== 0) throw fail("timestamps cannot be binned into intervals containing months or years");
        const width = BigInt(days) * BigInt(US_PER_DAY) + us;
        if (width <= 0n) throw fail("stride must be greater than zero");
        const rest = (source - origin) % width;
        return inTimestamp(source - rest - (rest < 0n ? width : 0n));
      };
    }),
  ),
);
