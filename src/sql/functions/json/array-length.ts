import { DbError } from "../../../base/errors.ts";
import { INT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { eachElement, jsonKind } from "./scan.ts";

function arrayLength(json: string): number {
  const kind = jsonKind(json);
  if (kind !== "array") {
    const what = kind === "object" ? "a non-array" : "a scalar";
    throw new DbError("SQL_EXECUTION_ERROR", `cannot get array length of ${what}`);
  }
  let length = 0;
  eachElement(json, () => {
    length += 1;
  });
  return length;
}

export const jsonArrayLength = defineFunction("json_array_length", [overload(["json"], INT, arrayLength)]);
export const jsonbArrayLength = alias("jsonb_array_length", jsonArrayLength);
