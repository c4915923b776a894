import { type Cell, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, variadicOverload } from "../definition.ts";
import { inTextLimit } from "./limit.ts";

export function joinPresent(values: readonly Cell[], separator: string): string {
  return inTextLimit(values.filter((value) => value !== null).join(separator));
}

/** NULLs count as nothing. */
export const concat = defineFunction("concat", [variadicOverload(["text"], TEXT, (...args) => joinPresent(args, ""))], {
  strict: false,
  anyAsText: true,
});
