import { arrayOfCells } from "../../../model/array.ts";
import { arrayOf } from "../../../model/sql-type.ts";
import { defineFunction, firstType, variadicOverload } from "../definition.ts";
import { ELEMENT_KINDS } from "./kinds.ts";

/** `ARRAY[…]`: its arguments are of one type. */
export const arrayOfFunction = defineFunction(
  "array_of",
  ELEMENT_KINDS.map((kind) =>
    variadicOverload(
      [kind],
      (types) => arrayOf(firstType(types)),
      (...cells) => arrayOfCells(cells, kind),
    ),
  ),
  { strict: false },
);
