import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, variadicOverload } from "../definition.ts";
import { joinPresent } from "./concat.ts";

/** NULLs are left out, separator and all; a NULL separator makes NULL. */
export const concatWs = defineFunction(
  "concat_ws",
  [
    variadicOverload(["text", "text"], TEXT, (separator = null, ...args) =>
      separator === null ? null : joinPresent(args, String(separator)),
    ),
  ],
  { strict: false, anyAsText: true },
);
