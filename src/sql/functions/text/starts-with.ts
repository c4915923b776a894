import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const startsWith = defineFunction("starts_with", [
  overload(["text", "text"], BOOLEAN, (text, prefix) => text.startsWith(prefix)),
]);
