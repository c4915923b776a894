// What jsonb_build_object and jsonb_build_array (and their json_ forms) become once the binder has made every value a document: members are pairs of key
// and document, and NULL is JSON's null.
import { DbError } from "../../../base/errors.ts";
import { type Cell, JSON_TYPE } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload, variadicOverload } from "../definition.ts";
import { JSON_NULL, type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

function treeOf(document: Cell = null): JsonTree {
  return document === null ? JSON_NULL : parseJsonTree(String(document));
}

const emptyObject = preparedOverload([], JSON_TYPE, () => () => "{}");
const emptyArray = preparedOverload([], JSON_TYPE, () => () => "[]");

export const jsonBuildObject = defineFunction(
  "json_object_of",
  [
    emptyObject,
    variadicOverload(["text"], JSON_TYPE, (...pairs) => {
      const members = new Map<string, JsonTree>();
      for (let i = 0; i < pairs.length; i += 2) {
        const key = pairs[i] ?? null;
        if (key === null) {
          throw new DbError("SQL_EXECUTION_ERROR", `argument ${i + 1}: key must not be null`);
        }
        members.set(String(key), treeOf(pairs[i + 1]));
      }
      return jsonbText({ kind: "object", members });
    }),
  ],
  { strict: false },
);

export const jsonBuildArray = defineFunction(
  "json_array_of",
  [
    emptyArray,
    variadicOverload(["json"], JSON_TYPE, (...documents) =>
      jsonbText({ kind: "array", elements: documents.map(treeOf) }),
    ),
  ],
  { strict: false },
);
