import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { assertTextLength } from "./limit.ts";

const overloads = [
  overload(["text", "int"], TEXT, (text, count) => {
    if (count <= 0) return "";
    assertTextLength(text.length * count);
    return text.repeat(count);
  }),
];

// A short statement makes megabytes of it, for every row: such work must be stoppable.
export const repeat = defineFunction("repeat", overloads, { bounded: false });
