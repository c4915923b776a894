import { TEXT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { jsonKind } from "./scan.ts";

export const jsonTypeof = defineFunction("json_typeof", [overload(["json"], TEXT, jsonKind)]);
export const jsonbTypeof = alias("jsonb_typeof", jsonTypeof);
