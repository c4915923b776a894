import { INT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { codePointLength } from "./code-points.ts";

/** Where the second text starts in the first, from 1; 0 when it does not occur. POSITION(a IN b) arrives as position(b, a). */
export const position = defineFunction("position", [
  overload(["text", "text"], INT, (text, part) => {
    const at = text.indexOf(part);
    return at < 0 ? 0 : codePointLength(text.slice(0, at)) + 1;
  }),
]);

export const strpos = alias("strpos", position);
