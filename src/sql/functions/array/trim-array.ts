import { DbError } from "../../../base/errors.ts";
import { arrayOfSegments, segmentsOf } from "../../../model/array.ts";
import { defineFunction, firstType, overload } from "../definition.ts";

/** An array without its last elements. */
export const trimArray = defineFunction("trim_array", [
  overload(["array", "int"], firstType, (array, count) => {
    const segments = segmentsOf(array);
    if (count < 0 || count > segments.length) {
      const message = `number of elements to trim must be between 0 and ${segments.length}`;
      throw new DbError("SQL_EXECUTION_ERROR", message);
    }
    return arrayOfSegments(segments.slice(0, segments.length - count));
  }),
]);
