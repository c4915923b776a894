import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** The nth field, from the end when n is negative; empty when there are fewer. */
export const splitPart = defineFunction("split_part", [
  overload(["text", "text", "int"], TEXT, (text, delimiter, n) => {
    if (n === 0) throw new DbError("SQL_EXECUTION_ERROR", "field position must not be zero");
    // An empty delimiter leaves the text whole; JavaScript would cut it into characters.
    const fields = delimiter === "" ? [text] : text.split(delimiter);
    return fields.at(n > 0 ? n - 1 : n) ?? "";
  }),
]);
