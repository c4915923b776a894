// A JSON document as a tree that keeps the digits of numbers, and the text jsonb has for it: members sorted by the length of their key, then by its
// bytes, the last of a repeated key, and one blank after `,` and `:`.
import { DbError } from "../../../base/errors.ts";
import { inTextLimit } from "../text/limit.ts";
import { eachElement, eachMember, jsonKind, unquote } from "./scan.ts";

const MAX_DEPTH = 200;

export type JsonTree =
  | { readonly kind: "scalar" /** As jsonb writes it. */; readonly text: string }
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, JsonTree> }
  | { readonly kind: "array"; readonly elements: readonly JsonTree[] };

export const JSON_NULL: JsonTree = { kind: "scalar", text: "null" };

const EXPONENTIAL = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d{1,9})$/;
/** A number longer than this stays as it is written. */
const MAX_NUMBER_LENGTH = 1000;

/** Without an exponent, and without the sign of zero: as PostgreSQL's numeric prints it. */
function numberText(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponentText = "0"] = EXPONENTIAL.exec(text) ?? [];
  if (whole === "") return /^-[0.]+$/.test(text) ? text.slice(1) : text;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) + whole.length + fraction.length > MAX_NUMBER_LENGTH) return text;
  const digits = whole + fraction;
  const point = whole.length + exponent;
  if (/^0+$/.test(digits)) return fraction.length - exponent > 0 ? `0.${"0".repeat(fraction.length - exponent)}` : "0";
  const padded = digits.padEnd(point, "0").padStart(digits.length + Math.max(0, 1 - point), "0");
  const at = Math.max(1, point);
  const integer = padded.slice(0, at).replace(/^0+(?=\d)/, "");
  return sign + integer + (padded.length > at ? `.${padded.slice(at)}` : "");
}

export function parseJsonTree(json: string, depth = 0): JsonTree {
  if (depth > MAX_DEPTH) throw new DbError("SQL_EXECUTION_ERROR", `json is nested deeper than ${MAX_DEPTH} levels`);
  const kind = jsonKind(json);
  if (kind === "object") {
    const members = new Map<string, JsonTree>();
    eachMember(json, (key, value) => members.set(key, parseJsonTree(value, depth + 1)));
    return { kind, members };
  }
  if (kind === "array") {
    const elements: JsonTree[] = [];
    eachElement(json, (element) => elements.push(parseJsonTree(element, depth + 1)));
    return { kind, elements };
  }
  const text = json.trim();
  if (kind === "string") return { kind: "scalar", text: JSON.stringify(unquote(text)) };
  return { kind: "scalar", text: kind === "number" ? numberText(text) : text };
}

function byLengthThenBytes(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length - right.length || Buffer.compare(left, right);
}

export function sortedMembers(members: ReadonlyMap<string, JsonTree>): readonly (readonly [string, JsonTree])[] {
  return [...members].sort(([a], [b]) => byLengthThenBytes(a, b));
}

function write(tree: JsonTree): string {
  if (tree.kind === "scalar") return tree.text;
  if (tree.kind === "array") return `[${tree.elements.map(write).join(", ")}]`;
  const members = sortedMembers(tree.members).map(([key, value]) => `${JSON.stringify(key)}: ${write(value)}`);
  return `{${members.join(", ")}}`;
}

export function jsonbText(tree: JsonTree): string {
  return inTextLimit(write(tree));
}

/** The place of an index in an array, from the end when negative; undefined outside of it. */
export function indexIn(elements: readonly JsonTree[], index: number): number | undefined {
  const at = index < 0 ? elements.length + index : index;
  return at >= 0 && at < elements.length ? at : undefined;
}
