import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { characters } from "./code-points.ts";

export const reverse = defineFunction("reverse", [
  overload(["text"], TEXT, (text) => characters(text).reverse().join("")),
]);
