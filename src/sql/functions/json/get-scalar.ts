// json_get_str, json_get_int, json_get_float and json_get_bool follow keys and give the value if it has the asked type, else NULL. json_as_text gives
// any value as text, json_contains whether there is one, json_length the number of members or elements.
import { BIGINT, BOOLEAN, type Cell, DOUBLE, INT, type SqlType, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, variadicOverload } from "../definition.ts";
import { eachElement, eachMember, followPath, type JsonKind, jsonAsText, jsonKind, unquote } from "./scan.ts";

function scalarFunction(
  name: string,
  type: SqlType,
  convert: (json: string, kind: JsonKind) => Cell,
): FunctionDefinition {
  const evaluate = (json: Cell = null, ...steps: Cell[]): Cell => {
    const value = followPath(String(json), steps.map(String))?.trim();
    return value === undefined ? null : convert(value, jsonKind(value));
  };
  return defineFunction(name, [variadicOverload(["json", "text"], type, evaluate)]);
}

export const jsonContains = defineFunction("json_contains", [
  variadicOverload(["json", "text"], BOOLEAN, (json = null, ...steps) => {
    return followPath(String(json), steps.map(String)) !== undefined;
  }),
]);

const MAX_INT64_DIGITS = 19;

function int64(json: string): bigint | null {
  if (!/^-?\d+$/.test(json) || json.length > MAX_INT64_DIGITS + 1) return null;
  const value = BigInt(json);
  return BigInt.asIntN(64, value) === value ? value : null;
}

function size(json: string, kind: JsonKind): number | null {
  let count = 0;
  if (kind === "array") eachElement(json, () => (count += 1));
  else if (kind === "object") eachMember(json, () => (count += 1));
  else return null;
  return count;
}

export const jsonGetStr = scalarFunction("json_get_str", TEXT, (json, kind) =>
  kind === "string" ? unquote(json) : null,
);
export const jsonGetInt = scalarFunction("json_get_int", BIGINT, (json, kind) =>
  kind === "number" ? int64(json) : null,
);
export const jsonGetFloat = scalarFunction("json_get_float", DOUBLE, (json, kind) => {
  const value = Number(json) + 0;
  return kind === "number" && Number.isFinite(value) ? value : null;
});
export const jsonGetBool = scalarFunction("json_get_bool", BOOLEAN, (json, kind) =>
  kind === "boolean" ? json === "true" : null,
);
export const jsonAsTextFunction = scalarFunction("json_as_text", TEXT, jsonAsText);

export const jsonLength = defineFunction("json_length", [
  variadicOverload(["json"], INT, (json) => size(String(json), jsonKind(String(json)))),
]);
