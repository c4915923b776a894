import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const upper = defineFunction("upper", [overload(["text"], TEXT, (text) => text.toUpperCase())]);
