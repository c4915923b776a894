import { arrayOfSegments, segmentsOf } from "../../../model/array.ts";
import { defineFunction, firstType, overload } from "../definition.ts";

/** `a[low:high]`. */
export const arraySlice = defineFunction("array_slice", [
  overload(["array", "int", "int"], firstType, (array, low, high) =>
    arrayOfSegments(segmentsOf(array).slice(Math.max(low, 1) - 1, Math.max(high, 0))),
  ),
]);
