// jsonb_set (replaces the value at a path, or adds its last step) and jsonb_insert (adds only, before or after an element).
import { DbError } from "../../../base/errors.ts";
import { JSON_TYPE } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { parsePath } from "./path-text.ts";
import { pathIndex } from "./remove.ts";
import { indexIn, type JsonTree, jsonbText, parseJsonTree } from "./tree.ts";

interface Change {
  readonly path: readonly string[];
  readonly value: JsonTree;
  /** What the flag of the call says: for `set`, to add what is missing; for `insert`, to come after the element. */
  readonly flag: boolean;
  readonly mode: "set" | "insert";
}

function changedObject(members: ReadonlyMap<string, JsonTree>, step: string, change: Change): JsonTree {
  const exists = members.has(step);
  if (change.mode === "insert" && exists) {
    throw new DbError("SQL_EXECUTION_ERROR", "cannot replace existing key", {
      hint: "Try using the function jsonb_set to replace key value.",
    });
  }
  const adds = change.mode === "insert" || change.flag;
  return exists || adds
    ? { kind: "object", members: new Map(members).set(step, change.value) }
    : { kind: "object", members };
}

function changedArray(elements: readonly JsonTree[], index: number, { value, flag, mode }: Change): JsonTree {
  const at = indexIn(elements, index);
  if (mode === "set") {
    if (at !== undefined) return { kind: "array", elements: elements.with(at, value) };
    if (!flag) return { kind: "array", elements };
    return { kind: "array", elements: index < 0 ? [value, ...elements] : [...elements, value] };
  }
  const place = at === undefined ? (index < 0 ? 0 : elements.length) : at + (flag ? 1 : 0);
  return { kind: "array", elements: elements.toSpliced(place, 0, value) };
}

function changed(tree: JsonTree, from: number, change: Change): JsonTree {
  const step = change.path[from];
  if (step === undefined || tree.kind === "scalar") return tree;
  const isLast = from === change.path.length - 1;
  if (tree.kind === "object") {
    if (isLast) return changedObject(tree.members, step, change);
    const own = tree.members.get(step);
    if (own === undefined) return tree;
    return { kind: "object", members: new Map(tree.members).set(step, changed(own, from + 1, change)) };
  }
  const index = pathIndex(step, from + 1);
  if (isLast) return changedArray(tree.elements, index, change);
  const at = indexIn(tree.elements, index);
  const own = at === undefined ? undefined : tree.elements[at];
  if (at === undefined || own === undefined) return tree;
  return { kind: "array", elements: tree.elements.with(at, changed(own, from + 1, change)) };
}

function changeFunction(name: string, mode: Change["mode"]): FunctionDefinition {
  const prepare = (): ((json: string, path: string, value: string, flag: boolean) => string) => {
    const steps = memoizeLast((path = "") => parsePath(path));
    return (json, path, value, flag) => {
      const tree = parseJsonTree(json);
      if (tree.kind === "scalar") throw new DbError("SQL_EXECUTION_ERROR", "cannot set path in scalar");
      return jsonbText(changed(tree, 0, { path: steps(path), value: parseJsonTree(value), flag, mode }));
    };
  };
  return defineFunction(name, [
    preparedOverload(["json", "text", "json"], JSON_TYPE, () => {
      const change = prepare();
      return (json, path, value) => change(json, path, value, mode === "set");
    }),
    preparedOverload(["json", "text", "json", "boolean"], JSON_TYPE, prepare),
  ]);
}

export const jsonbSet = changeFunction("jsonb_set", "set");
export const jsonbInsert = changeFunction("jsonb_insert", "insert");
