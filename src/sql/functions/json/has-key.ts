import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { eachElement, jsonKind, memberOf, unquote } from "./scan.ts";

/** `?`: a key of an object, a string in an array, or the string itself. */
function hasKey(json: string, key: string): boolean {
  switch (jsonKind(json)) {
    case "object":
      return memberOf(json, key) !== undefined;
    case "array": {
      let found = false;
      eachElement(json, (element) => {
        if (element.startsWith('"') && unquote(element) === key) found = true;
      });
      return found;
    }
    case "string":
      return unquote(json.trim()) === key;
    default:
      return false;
  }
}

export const jsonHasKey = defineFunction("json_has_key", [overload(["json", "text"], BOOLEAN, hasKey)]);
