import { elementOf, segmentsOf } from "../../../model/array.ts";
import type { Cell, SqlType } from "../../../model/sql-type.ts";
import { defineFunction, type Overload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { ELEMENT_KINDS } from "./kinds.ts";

function overloadFor(kind: (typeof ELEMENT_KINDS)[number]): Overload {
  return {
    args: ["array", "int", kind],
    variadic: false,
    returns: ([, , type]): SqlType => type ?? { kind: "text" },
    sqlite: undefined,
    prepare: () => {
      const segments = memoizeLast((array = "") => segmentsOf(array));
      return (array: Cell = null, place: Cell = null): Cell => {
        const segment = array === null || place === null ? undefined : segments(String(array))[Number(place) - 1];
        return segment === undefined ? null : elementOf(segment, kind);
      };
    },
  };
}

/** `a[n]`, counted from 1. The third argument is NULL and tells the type of the elements, which an array does not. */
export const arrayElement = defineFunction("array_element", ELEMENT_KINDS.map(overloadFor), { strict: false });
