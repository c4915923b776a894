import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";
import { assertTextLength } from "../text/limit.ts";
import { type JsonTree, parseJsonTree, sortedMembers } from "./tree.ts";

const INDENT = "    ";

function lines(tree: JsonTree, indent: string): string {
  if (tree.kind === "scalar") return tree.text;
  const inner = indent + INDENT;
  const [open, close] = tree.kind === "array" ? ["[", "]"] : ["{", "}"];
  const parts =
    tree.kind === "array"
      ? tree.elements.map((element) => inner + lines(element, inner))
      : sortedMembers(tree.members).map(([key, value]) => `${inner}${JSON.stringify(key)}: ${lines(value, inner)}`);
  const body = parts.join(",\n");
  assertTextLength(body.length);
  return `${open}\n${body}${parts.length === 0 ? "" : "\n"}${indent}${close}`;
}

/** One line for each member and element, four blanks for each level. */
export const jsonbPretty = defineFunction("jsonb_pretty", [
  overload(["json"], TEXT, (json) => lines(parseJsonTree(json), "")),
]);
