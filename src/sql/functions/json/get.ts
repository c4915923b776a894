// `->` and `->>`: by key or by index; `#>` and `#>>`: by path.
import { JSON_TYPE, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { parsePath } from "./path-text.ts";
import { elementOf, followPath, jsonAsText, memberOf } from "./scan.ts";

export const jsonGet = defineFunction("json_get", [
  overload(["json", "text"], JSON_TYPE, (json, key) => memberOf(json, key) ?? null),
  overload(["json", "int"], JSON_TYPE, (json, index) => elementOf(json, index) ?? null),
]);

export const jsonGetText = defineFunction("json_get_text", [
  overload(["json", "text"], TEXT, (json, key) => jsonAsText(memberOf(json, key))),
  overload(["json", "int"], TEXT, (json, index) => jsonAsText(elementOf(json, index))),
]);

export const jsonGetPath = defineFunction("json_get_path", [
  preparedOverload(["json", "text"], JSON_TYPE, () => {
    const steps = memoizeLast((path = "") => parsePath(path));
    return (json, path) => followPath(json, steps(path)) ?? null;
  }),
]);

export const jsonGetPathText = defineFunction("json_get_path_text", [
  preparedOverload(["json", "text"], TEXT, () => {
    const steps = memoizeLast((path = "") => parsePath(path));
    return (json, path) => jsonAsText(followPath(json, steps(path)));
  }),
]);
