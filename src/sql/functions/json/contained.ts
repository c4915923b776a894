import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { jsonContainsDocument } from "./contains.ts";

/** `<@`: the left document is in the right one. */
export const jsonContained = defineFunction("jsonb_contained", [
  overload(["json", "json"], BOOLEAN, (left, right) => jsonContainsDocument(right, left)),
]);
