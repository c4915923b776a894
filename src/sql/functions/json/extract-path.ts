import type { Cell, SqlType } from "../../../model/sql-type.ts";
import { JSON_TYPE, TEXT } from "../../../model/sql-type.ts";
import { alias, defineFunction, type FunctionDefinition, variadicOverload } from "../definition.ts";
import { followPath, jsonAsText } from "./scan.ts";

function extractFunction(
  name: string,
  type: SqlType,
  finish: (json: string | undefined) => string | null,
): FunctionDefinition {
  const evaluate = (json: Cell = null, ...steps: Cell[]): Cell => finish(followPath(String(json), steps.map(String)));
  return defineFunction(name, [variadicOverload(["json", "text"], type, evaluate)]);
}

export const jsonExtractPath = extractFunction("json_extract_path", JSON_TYPE, (json) => json ?? null);
export const jsonExtractPathText = extractFunction("json_extract_path_text", TEXT, jsonAsText);
export const jsonbExtractPath = alias("jsonb_extract_path", jsonExtractPath);
export const jsonbExtractPathText = alias("jsonb_extract_path_text", jsonExtractPathText);
