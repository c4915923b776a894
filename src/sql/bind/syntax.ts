// Reading PostgreSQL's syntax tree. The tree leaves out fields that hold their zero value, so every reader supplies it.
import type { Node } from "libpg-query";
import { DbError } from "../../base/errors.ts";

export function stringOf(node: Node | undefined): string | undefined {
  return node !== undefined && "String" in node ? (node.String.sval ?? "") : undefined;
}

export function namesOf(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).map((node) => stringOf(node) ?? "");
}

export function listOf(node: Node | undefined): readonly Node[] {
  return node !== undefined && "List" in node ? (node.List.items ?? []) : [];
}

/** Byte offset of a node in the statement's text, as the parser gives it. */
export function locationOf(node: Node): number | undefined {
  const body: unknown = Object.values(node)[0];
  if (typeof body !== "object" || body === null || !("location" in body)) return undefined;
  return typeof body.location === "number" && body.location >= 0 ? body.location : undefined;
}

export function nodeKind(node: Node): string {
  return Object.keys(node)[0] ?? "";
}

/** `position` is omitted from the error when it is not known. */
export function at(position: number | undefined): { readonly position?: number } {
  return position === undefined ? {} : { position };
}

export function unsupported(what: string, position?: number): DbError {
  return new DbError("UNSUPPORTED", `${what} is not supported`, at(position));
}
