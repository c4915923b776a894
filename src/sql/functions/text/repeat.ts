import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { assertTextLength } from "./limit.ts";

export const repeat = defineFunction("repeat", [
  overload(["text", "int"], TEXT, (text, count) => {
    if (count <= 0) return "";
    assertTextLength(text.length * count);
    return text.repeat(count);
  }),
]);
