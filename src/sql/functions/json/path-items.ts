// What a JSON path asks of single items: their types, numbers and texts, and how two of them compare.
import { DbError } from "../../../base/errors.ts";
import type { CompareOp } from "../../expression.ts";
import { ORDER_TESTS } from "../compare-cells.ts";
import { compileRegexp } from "../text/regexp.ts";
import { compareNumbers, isNumberText, rounded } from "./path-numbers.ts";
import { type JsonTree, parseJsonTree } from "./tree.ts";

/** TRUE, FALSE, or unknown. */
export type Truth = boolean | undefined;

/** An error that `silent`, or a condition, takes for nothing. */
export class PathFailure extends DbError {
  constructor(message: string) {
    super("SQL_EXECUTION_ERROR", message);
  }
}

/** What `work` answers; undefined where the path fails on the document. */
export function silently<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PathFailure) return undefined;
    throw error;
  }
}

export function scalar(text: string): JsonTree {
  return { kind: "scalar", text };
}

export function typeName(item: JsonTree): string {
  if (item.kind !== "scalar") return item.kind;
  if (item.text.startsWith('"')) return "string";
  if (item.text === "null") return "null";
  return item.text === "true" || item.text === "false" ? "boolean" : "number";
}

export function stringOf(item: JsonTree): string | undefined {
  return item.kind === "scalar" && item.text.startsWith('"') ? String(JSON.parse(item.text)) : undefined;
}

export function numberOf(item: JsonTree): string | undefined {
  return item.kind === "scalar" && isNumberText(item.text) ? item.text : undefined;
}

export function failing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof DbError ? new PathFailure(error.message) : error;
  }
}

export function toDouble(item: JsonTree): JsonTree {
  const text = numberOf(item) ?? stringOf(item);
  if (text === undefined) {
    throw new PathFailure("jsonpath item method .double() can only be applied to a string or numeric value");
  }
  const value = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return parseJsonTree(JSON.stringify(value));
  const what = stringOf(item) === undefined ? "numeric" : "string";
  throw new PathFailure(
    `${what} argument of jsonpath item method .double() is not a valid representation of a double precision number`,
  );
}

export function roundedItem(item: JsonTree, name: "ceiling" | "floor" | "abs"): JsonTree {
  const number = numberOf(item);
  if (number !== undefined) return scalar(rounded(number, name));
  throw new PathFailure(`jsonpath item method .${name}() can only be applied to a numeric value`);
}

export function compared(op: CompareOp, a: JsonTree, b: JsonTree): Truth {
  const type = typeName(a);
  if (type !== typeName(b)) return type === "null" || typeName(b) === "null" ? op === "<>" : undefined;
  if (a.kind !== "scalar" || b.kind !== "scalar") return undefined;
  return ORDER_TESTS[op](orderOf(type, a, b));
}

function orderOf(type: string, a: Extract<JsonTree, { kind: "scalar" }>, b: typeof a): number {
  if (type === "number") return compareNumbers(a.text, b.text);
  if (type === "string") return Buffer.compare(Buffer.from(stringOf(a) ?? ""), Buffer.from(stringOf(b) ?? ""));
  return a.text === b.text ? 0 : a.text === "false" ? -1 : 1;
}

export function startsWith(item: JsonTree, prefix: JsonTree | undefined): Truth {
  const [text, start] = [stringOf(item), prefix && stringOf(prefix)];
  return text === undefined || start === undefined ? undefined : text.startsWith(start);
}

export function regexOf(pattern: string, flags: string): RegExp {
  const quoted = flags.includes("q") ? pattern.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`) : pattern;
  const options = ["u", flags.includes("i") ? "i" : "", flags.includes("m") ? "m" : "", flags.includes("s") ? "s" : ""];
  return compileRegexp(quoted, options.join(""));
}

export function matchesRegex(item: JsonTree, pattern: RegExp): Truth {
  const text = stringOf(item);
  return text === undefined ? undefined : pattern.test(text);
}
