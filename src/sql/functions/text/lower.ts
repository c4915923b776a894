import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const lower = defineFunction("lower", [overload(["text"], TEXT, (text) => text.toLowerCase())]);
