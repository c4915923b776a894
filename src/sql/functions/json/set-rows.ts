// What the functions of JSON that return rows have in common: the rows of a document, as a JSON array of arrays of text. Internal: FROM clauses unpack it.
import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { eachElement, eachMember, jsonAsText, jsonKind } from "./scan.ts";

type Cells = readonly (string | null)[];

/** Last for a repeated key, at its first place, as PostgreSQL's jsonb has it. */
function members(json: string, name: string): ReadonlyMap<string, string> {
  const kind = jsonKind(json);
  if (kind !== "object") {
    throw new DbError("SQL_EXECUTION_ERROR", `cannot call ${name} on ${kind === "array" ? "an array" : "a scalar"}`);
  }
  const found = new Map<string, string>();
  eachMember(json, (key, value) => found.set(key, value));
  return found;
}

function elements(json: string): readonly string[] {
  const kind = jsonKind(json);
  if (kind !== "array") {
    const what = kind === "object" ? "an object" : "a scalar";
    throw new DbError("SQL_EXECUTION_ERROR", `cannot extract elements from ${what}`);
  }
  const found: string[] = [];
  eachElement(json, (element) => found.push(element));
  return found;
}

function rowsOf(name: string, json: string): readonly Cells[] {
  switch (name.replace("jsonb_", "json_")) {
    case "json_array_elements":
      return elements(json).map((element) => [element]);
    case "json_array_elements_text":
      return elements(json).map((element) => [jsonAsText(element)]);
    case "json_each":
      return [...members(json, name)];
    case "json_each_text":
      return [...members(json, name)].map(([key, value]) => [key, jsonAsText(value)]);
    case "json_object_keys":
      return [...members(json, name).keys()].map((key) => [key]);
    default:
      throw new DbError("SQL_EXECUTION_ERROR", `no rows of ${name}`);
  }
}

export const jsonSetRows = defineFunction("json_set_rows", [
  overload(["text", "json"], TEXT, (name, json) => JSON.stringify(rowsOf(name, json))),
]);
