import { INT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** Code point of the first character; 0 for the empty text. */
export const ascii = defineFunction("ascii", [overload(["text"], INT, (text) => text.codePointAt(0) ?? 0)]);
