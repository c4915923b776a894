import { elementOf, segmentsOf } from "../../../model/array.ts";
import { JSON_TYPE } from "../../../model/sql-type.ts";
import { defineFunction, type Evaluator, type Overload } from "../definition.ts";
import { toJsonb } from "../json/to-json.ts";
import { inTextLimit } from "../text/limit.ts";
import { ELEMENT_KINDS } from "./kinds.ts";

function overloadFor(kind: (typeof ELEMENT_KINDS)[number]): Overload {
  const document = toJsonb.overloads.find(({ args }) => args[0] === kind);
  if (document === undefined) throw new Error(`no document of ${kind}`);
  return {
    args: ["array", kind],
    variadic: false,
    returns: () => JSON_TYPE,
    sqlite: undefined,
    prepare: ([, type], generators): Evaluator => {
      const documentOf = document.prepare(type === undefined ? [] : [type], generators);
      return (array = null) => {
        if (array === null) return null;
        const cells = segmentsOf(String(array)).map((segment) => elementOf(segment, kind));
        return inTextLimit(`[${cells.map((cell) => (cell === null ? "null" : String(documentOf(cell)))).join(", ")}]`);
      };
    },
  };
}

/** The second argument is NULL and tells the type of the elements. */
export const jsonOfArray = defineFunction("json_of_array", ELEMENT_KINDS.map(overloadFor), { strict: false });
