import { segmentsOf } from "../../../model/array.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** A JSON list with an entry for each element: `unnest` goes through it. */
export const arrayPlaces = defineFunction("array_places", [
  overload(["array"], TEXT, (array) => JSON.stringify(segmentsOf(array).map(() => 0))),
]);
