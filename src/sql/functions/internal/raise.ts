import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** Refuses what SQLite would let pass, from inside the text. Not deterministic: SQLite evaluates constant calls before it knows they are needed. */
export const raise = defineFunction(
  "raise",
  [
    overload(["text"], TEXT, (message) => {
      throw new DbError("SQL_EXECUTION_ERROR", message);
    }),
  ],
  { deterministic: false },
);
