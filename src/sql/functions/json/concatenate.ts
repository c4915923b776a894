import { JSON_TYPE } from "../../../model/sql-type.ts";
import { type Overload, overload } from "../definition.ts";
import { type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

function elementsOf(tree: JsonTree): readonly JsonTree[] {
  return tree.kind === "array" ? tree.elements : [tree];
}

/** Objects merge, the right one winning; all else is a longer array. */
function concatenated(left: JsonTree, right: JsonTree): JsonTree {
  if (left.kind === "object" && right.kind === "object") {
    return { kind: "object", members: new Map([...left.members, ...right.members]) };
  }
  return { kind: "array", elements: [...elementsOf(left), ...elementsOf(right)] };
}

/** `||` of two documents. */
export const concatenateJson: Overload = overload(["json", "json"], JSON_TYPE, (left, right) =>
  jsonbText(concatenated(parseJsonTree(left), parseJsonTree(right))),
);
