// json_strip_nulls and jsonb_strip_nulls: members that are null go, elements stay.
import { JSON_TYPE } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

function stripped(tree: JsonTree): JsonTree {
  if (tree.kind === "scalar") return tree;
  if (tree.kind === "array") return { kind: "array", elements: tree.elements.map(stripped) };
  const kept = [...tree.members].filter(([, value]) => value.kind !== "scalar" || value.text !== "null");
  return { kind: "object", members: new Map(kept.map(([key, value]) => [key, stripped(value)])) };
}

export const jsonbStripNulls = defineFunction("jsonb_strip_nulls", [
  overload(["json"], JSON_TYPE, (json) => jsonbText(stripped(parseJsonTree(json)))),
]);
export const jsonStripNulls = alias("json_strip_nulls", jsonbStripNulls);
