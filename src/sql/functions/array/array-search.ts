// Where elements are, and arrays without some or with others in their place. An element comes as an array of one; NULL is an element like others.
import { DbError } from "../../../base/errors.ts";
import { arrayOfSegments, MAX_ARRAY_ELEMENTS, segmentsOf } from "../../../model/array.ts";
import { INT } from "../../../model/sql-type.ts";
import { defineFunction, firstType, overload } from "../definition.ts";

function positionFrom(array: string, element: string, start: number): number | null {
  const index = segmentsOf(array).indexOf(element, Math.max(start, 1) - 1);
  return index < 0 ? null : index + 1;
}

export const arrayPosition = defineFunction("array_position", [
  overload(["array", "array"], INT, (array, element) => positionFrom(array, element, 1)),
  overload(["array", "array", "int"], INT, positionFrom),
]);

export const arrayPlacesOf = defineFunction("array_places_of", [
  overload(["array", "array"], { kind: "text" }, (array, element) =>
    segmentsOf(array)
      .flatMap((segment, index) => (segment === element ? [index + 1] : []))
      .join(","),
  ),
]);

export const arrayRemove = defineFunction("array_remove", [
  overload(["array", "array"], firstType, (array, element) =>
    arrayOfSegments(segmentsOf(array).filter((segment) => segment !== element)),
  ),
]);

export const arrayReplace = defineFunction("array_replace", [
  overload(["array", "array", "array"], firstType, (array, from, to) =>
    arrayOfSegments(segmentsOf(array).map((segment) => (segment === from ? to : segment))),
  ),
]);

const filled = overload(["array", "int"], firstType, (element, length) => {
  if (length > MAX_ARRAY_ELEMENTS) {
    throw new DbError("SQL_EXECUTION_ERROR", `array size exceeds the maximum allowed (${MAX_ARRAY_ELEMENTS})`);
  }
  return arrayOfSegments(Array.from({ length: Math.max(0, length) }, () => element));
});

/** So many copies of one element. As `repeat`, a short statement that makes megabytes: it must be stoppable. */
export const arrayFill = defineFunction("array_fill", [filled], { bounded: false });
