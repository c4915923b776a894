import { arrayOfSegments, segmentsOf } from "../../../model/array.ts";
import { defineFunction, type Evaluator, firstType, variadicOverload } from "../definition.ts";

const joined: Evaluator = (...arrays) => {
  const present = arrays.filter((array) => array !== null);
  return present.length === 0 ? null : arrayOfSegments(present.flatMap((array) => segmentsOf(String(array))));
};

/** One array after the other; NULL adds nothing. */
export const arrayCat = defineFunction("array_cat", [variadicOverload(["array"], firstType, joined)], {
  strict: false,
});
