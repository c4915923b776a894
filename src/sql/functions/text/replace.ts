import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { assertTextLength } from "./limit.ts";

export const replace = defineFunction("replace", [
  overload(["text", "text", "text"], TEXT, (text, from, to) => {
    if (from === "") return text;
    const parts = text.split(from);
    assertTextLength(text.length + (parts.length - 1) * (to.length - from.length));
    return parts.join(to);
  }),
]);
