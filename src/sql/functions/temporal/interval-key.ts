import { intervalKey, LENGTH_DIGITS } from "../../../model/interval.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** What intervals are compared by: their length, as text that sorts. The binder puts it around both sides. */
export const intervalKeyFunction = defineFunction("interval_key", [
  overload(["interval"], TEXT, intervalKey, { sqlite: ([text = "NULL"]) => `substr(${text}, 1, ${LENGTH_DIGITS})` }),
]);
