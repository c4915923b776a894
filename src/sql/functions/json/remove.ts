// `-` (a key, a string of an array, an element) and `#-` (a path).
import { DbError } from "../../../base/errors.ts";
import { JSON_TYPE } from "../../../model/sql-type.ts";
import { defineFunction, type Overload, overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { parsePath } from "./path-text.ts";
import { indexIn, type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

function cannot(what: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", `cannot delete ${what}`);
}

function without(members: ReadonlyMap<string, JsonTree>, key: string): JsonTree {
  return { kind: "object", members: new Map([...members].filter(([name]) => name !== key)) };
}

function withoutKey(tree: JsonTree, key: string): JsonTree {
  if (tree.kind === "scalar") throw cannot("from scalar");
  if (tree.kind === "object") return without(tree.members, key);
  const text = JSON.stringify(key);
  return {
    kind: "array",
    elements: tree.elements.filter((element) => element.kind !== "scalar" || element.text !== text),
  };
}

function withoutIndex(tree: JsonTree, index: number): JsonTree {
  if (tree.kind === "scalar") throw cannot("from scalar");
  if (tree.kind === "object") throw cannot("from object using integer index");
  const at = indexIn(tree.elements, index);
  return { kind: "array", elements: tree.elements.filter((_element, place) => place !== at) };
}

/** An index of a path, which must be a number where the path goes through an array. */
export function pathIndex(step: string, position: number): number {
  if (/^\s*[+-]?\d{1,9}$/.test(step)) return Number(step);
  const message = `path element at position ${position} is not an integer: ${JSON.stringify(step)}`;
  throw new DbError("SQL_EXECUTION_ERROR", message);
}

function withoutPath(tree: JsonTree, path: readonly string[], from = 0): JsonTree {
  const step = path[from];
  if (step === undefined || tree.kind === "scalar") return tree;
  const isLast = from === path.length - 1;
  if (tree.kind === "object") {
    const own = tree.members.get(step);
    if (own === undefined) return tree;
    if (isLast) return without(tree.members, step);
    return { kind: "object", members: new Map(tree.members).set(step, withoutPath(own, path, from + 1)) };
  }
  const at = indexIn(tree.elements, pathIndex(step, from + 1));
  const own = at === undefined ? undefined : tree.elements[at];
  if (at === undefined || own === undefined) return tree;
  if (isLast) return { kind: "array", elements: tree.elements.toSpliced(at, 1) };
  return { kind: "array", elements: tree.elements.with(at, withoutPath(own, path, from + 1)) };
}

/** Further overloads of `-`. */
export const removeJson: readonly Overload[] = [
  overload(["json", "text"], JSON_TYPE, (json, key) => jsonbText(withoutKey(parseJsonTree(json), key))),
  overload(["json", "int"], JSON_TYPE, (json, index) => jsonbText(withoutIndex(parseJsonTree(json), index))),
];

export const jsonRemovePath = defineFunction("json_remove_path", [
  preparedOverload(["json", "text"], JSON_TYPE, () => {
    const steps = memoizeLast((path = "") => parsePath(path));
    return (json, path) => {
      const tree = parseJsonTree(json);
      if (tree.kind === "scalar") throw new DbError("SQL_EXECUTION_ERROR", "cannot delete path in scalar");
      // Of nothing nothing is deleted: PostgreSQL does not even look at the path.
      if (tree.kind === "array" && tree.elements.length === 0) return jsonbText(tree);
      return jsonbText(withoutPath(tree, steps(path)));
    };
  }),
]);
