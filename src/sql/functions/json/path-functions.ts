// `jsonb_path_query` and its kind, `@?` and `@@`. A path may hold regular expressions, whose time has no bound, so these run in query processes.

import { DbError } from "../../../base/errors.ts";
import type { Cell } from "../../../model/sql-type.ts";
import { BOOLEAN, JSON_TYPE, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { findItems, singleBoolean } from "./path-evaluate.ts";
import { silently } from "./path-items.ts";
import { parseJsonPath } from "./path-syntax.ts";
import { type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

interface Found {
  readonly items: readonly JsonTree[];
  /** The path failed on the document, after these. */
  readonly failed: boolean;
}

type Answer = (found: Found) => Cell;

/** A document, a path, then variables and whether errors of the document are taken for nothing. */
function overloads(
  type: Parameters<typeof preparedOverload>[1],
  answer: Answer,
  isSilent = false,
): readonly Overload[] {
  const prepared = (): ((json: string, path: string, variables?: string, silent?: boolean) => Cell) => {
    const parsed = memoizeLast((path = "") => parseJsonPath(path));
    return (json, path, variables = "{}", silent = isSilent) => {
      const items: JsonTree[] = [];
      const [document, values] = [parseJsonTree(json), variablesOf(variables)];
      const run = (): boolean => {
        findItems({ path: parsed(path), document, variables: values, found: (item) => items.push(item) });
        return true;
      };
      if (!silent) return run() && answer({ items, failed: false });
      const failed = silently(run) === undefined;
      return silently(() => answer({ items, failed })) ?? null;
    };
  };
  return [
    preparedOverload(["json", "text"], type, prepared),
    preparedOverload(["json", "text", "json"], type, prepared),
    preparedOverload(["json", "text", "json", "boolean"], type, prepared),
  ];
}

function variablesOf(json: string): JsonTree {
  const tree = parseJsonTree(json);
  if (tree.kind === "object") return tree;
  throw new DbError("INVALID_VALUE", '"vars" argument is not an object');
}

function pathFunction(name: string, of: readonly Overload[]): FunctionDefinition {
  return defineFunction(name, of, { bounded: false });
}

const isTrue: Answer = ({ items }) => singleBoolean(items);
const exists: Answer = ({ items, failed }) => (failed ? null : items.length > 0);

export const jsonbPathExists = pathFunction("jsonb_path_exists", overloads(BOOLEAN, exists));
export const jsonbPathMatch = pathFunction("jsonb_path_match", overloads(BOOLEAN, isTrue));
export const jsonbPathQueryArray = pathFunction(
  "jsonb_path_query_array",
  overloads(JSON_TYPE, ({ items }) => jsonbText({ kind: "array", elements: items })),
);
export const jsonbPathQueryFirst = pathFunction(
  "jsonb_path_query_first",
  overloads(JSON_TYPE, ({ items: [first] }) => (first === undefined ? null : jsonbText(first))),
);
/** `@?`. */
export const jsonPathFinds = pathFunction("json_path_finds", overloads(BOOLEAN, exists, true).slice(0, 1));
/** `@@`. */
export const jsonPathIs = pathFunction("json_path_is", overloads(BOOLEAN, isTrue, true).slice(0, 1));
/** jsonb_path_query: what FROM takes apart, one text in each row. */
export const jsonPathRows = pathFunction(
  "json_path_rows",
  overloads(TEXT, ({ items }) => JSON.stringify(items.map((item) => [jsonbText(item)]))),
);
