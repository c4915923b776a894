// Finds values inside JSON text without building objects: numbers keep every digit, sub-documents keep their spelling, and depth costs nothing.
// The text was validated when it became JSON; on anything else the answers are undefined rather than wrong positions.

const WHITESPACE = new Set([" ", "\n", "\r", "\t"]);
const SCALAR_END = new Set([",", "]", "}", " ", "\n", "\r", "\t"]);

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

export function skipWhitespace(json: string, at: number): number {
  let i = at;
  while (WHITESPACE.has(json.charAt(i))) i += 1;
  return i;
}

/** Past the closing quote of the string that opens at `at`. */
function stringEnd(json: string, at: number): number {
  let i = at + 1;
  while (i < json.length && json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return Math.min(i + 1, json.length);
}

/** Past the value that starts at `at`. */
export function valueEnd(json: string, at: number): number {
  const first = json[at];
  if (first === '"') return stringEnd(json, at);
  if (first !== "{" && first !== "[") {
    let i = at;
    while (i < json.length && !SCALAR_END.has(json.charAt(i))) i += 1;
    return i;
  }
  let depth = 0;
  for (let i = at; i < json.length; i++) {
    const character = json[i];
    if (character === '"') i = stringEnd(json, i) - 1;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return json.length;
}

export function jsonKind(json: string): JsonKind {
  switch (json[skipWhitespace(json, 0)]) {
    case "{":
      return "object";
    case "[":
      return "array";
    case '"':
      return "string";
    case "t":
    case "f":
      return "boolean";
    case "n":
      return "null";
    default:
      return "number";
  }
}

/** The text a quoted JSON string stands for. */
export function unquote(quoted: string): string {
  return quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
}

/** Calls `visit` with the text of each element, in order. */
export function eachElement(json: string, visit: (element: string) => void): void {
  let at = skipWhitespace(json, 0);
  if (json[at] !== "[") return;
  at = skipWhitespace(json, at + 1);
  while (at < json.length && json[at] !== "]") {
    const end = valueEnd(json, at);
    visit(json.slice(at, end));
    at = skipWhitespace(json, end);
    if (json[at] === ",") at = skipWhitespace(json, at + 1);
    // No progress means this is not JSON.
    else if (json[at] !== "]") return;
  }
}

/** Calls `visit` with each key (unquoted) and the text of its value, in order. */
export function eachMember(json: string, visit: (key: string, value: string) => void): void {
  let at = skipWhitespace(json, 0);
  if (json[at] !== "{") return;
  at = skipWhitespace(json, at + 1);
  while (json[at] === '"') {
    const keyEnd = stringEnd(json, at);
    const key = unquote(json.slice(at, keyEnd));
    const valueStart = skipWhitespace(json, skipWhitespace(json, keyEnd) + 1);
    const end = valueEnd(json, valueStart);
    visit(key, json.slice(valueStart, end));
    at = skipWhitespace(json, end);
    if (json[at] === ",") at = skipWhitespace(json, at + 1);
  }
}

/** The value of a key, the last one if it is repeated, as PostgreSQL has it. */
export function memberOf(json: string, key: string): string | undefined {
  let found: string | undefined;
  eachMember(json, (name, value) => {
    if (name === key) found = value;
  });
  return found;
}

/** An element by its index from 0, from the end when negative. */
export function elementOf(json: string, index: number): string | undefined {
  const elements: string[] = [];
  eachElement(json, (element) => elements.push(element));
  return elements.at(index);
}

/** One step of a path: a key of an object, or the index of an array written in decimal. */
export function stepInto(json: string, step: string): string | undefined {
  if (jsonKind(json) === "object") return memberOf(json, step);
  return /^-?\d{1,9}$/.test(step) ? elementOf(json, Number(step)) : undefined;
}

export function followPath(json: string, steps: readonly string[]): string | undefined {
  let value: string | undefined = json;
  for (const step of steps) {
    if (value === undefined) return undefined;
    value = stepInto(value, step);
  }
  return value;
}

/** As `->>` shows a value: strings without quotes, JSON null as NULL, the rest as it is written. */
export function jsonAsText(json: string | undefined): string | null {
  if (json === undefined) return null;
  const kind = jsonKind(json);
  if (kind === "null") return null;
  return kind === "string" ? unquote(json.trim()) : json;
}
