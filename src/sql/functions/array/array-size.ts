// How large an array is. It has one dimension, which begins at 1; an empty one has none.
import { segmentsOf } from "../../../model/array.ts";
import { INT, TEXT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";

function countOf(array: string): number {
  return segmentsOf(array).length;
}

export const cardinality = defineFunction("cardinality", [overload(["array"], INT, countOf)]);

export const arrayLength = defineFunction("array_length", [
  overload(["array", "int"], INT, (array, dimension) => (array === "" || dimension !== 1 ? null : countOf(array))),
]);

export const arrayUpper = alias("array_upper", arrayLength);

export const arrayLower = defineFunction("array_lower", [
  overload(["array", "int"], INT, (array, dimension) => (array === "" || dimension !== 1 ? null : 1)),
]);

export const arrayNdims = defineFunction("array_ndims", [
  overload(["array"], INT, (array) => (array === "" ? null : 1)),
]);

export const arrayDims = defineFunction("array_dims", [
  overload(["array"], TEXT, (array) => (array === "" ? null : `[1:${countOf(array)}]`)),
]);
