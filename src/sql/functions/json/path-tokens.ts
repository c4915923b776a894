// The words of a JSON path (PostgreSQL's `jsonpath`).
import { DbError } from "../../../base/errors.ts";

export type PathToken =
  | { readonly kind: "name" | "string" | "variable" | "symbol"; readonly text: string }
  | { readonly kind: "number"; readonly text: string }
  | { readonly kind: "end"; readonly text: "" };

/** A longer one is nobody's. */
const MAX_LENGTH = 10_000;
const TRIVIA = /(?:\s+|\/\*[^]*?\*\/)+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\p{L}_$\d])/uy;
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const SYMBOL = /\*\*|==|!=|<>|<=|>=|&&|\|\||[$@.*[\](){},?!<>+\-/%]/y;
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(.))/gsu;
const ESCAPED: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

export function pathError(near: string): DbError {
  const where = near === "" ? "at end" : `at or near ${JSON.stringify(near)}`;
  return new DbError("INVALID_VALUE", `syntax error ${where} of jsonpath input`);
}

export function pathTokens(path: string): readonly PathToken[] {
  if (path.length > MAX_LENGTH) throw new DbError("INVALID_VALUE", `a jsonpath has at most ${MAX_LENGTH} characters`);
  const tokens: PathToken[] = [];
  for (let at = 0; ; ) {
    at += matched(TRIVIA, path, at).length;
    if (at >= path.length) return [...tokens, { kind: "end", text: "" }];
    const { token, length } = tokenAt(path, at);
    tokens.push(token);
    at += length;
  }
}

function matched(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function tokenAt(path: string, at: number): { readonly token: PathToken; readonly length: number } {
  const first = path.charAt(at);
  if (first === '"') return stringAt(path, at, "string");
  if (first === "$") {
    if (path.charAt(at + 1) === '"') {
      const { token, length } = stringAt(path, at + 1, "variable");
      return { token, length: length + 1 };
    }
    const name = matched(NAME, path, at + 1);
    return name === ""
      ? { token: { kind: "symbol", text: "$" }, length: 1 }
      : { token: { kind: "variable", text: name }, length: name.length + 1 };
  }
  for (const [kind, pattern] of [
    ["number", NUMBER],
    ["name", NAME],
    ["symbol", SYMBOL],
  ] as const) {
    const text = matched(pattern, path, at);
    if (text !== "") return { token: { kind, text }, length: text.length };
  }
  throw pathError(path.slice(at, at + 10));
}

function stringAt(
  path: string,
  at: number,
  kind: "string" | "variable",
): { readonly token: PathToken; readonly length: number } {
  let end = at + 1;
  while (end < path.length && path.charAt(end) !== '"') end += path.charAt(end) === "\\" ? 2 : 1;
  if (end >= path.length) throw pathError(path.slice(at));
  const text = path.slice(at + 1, end).replaceAll(ESCAPE, (_all, hex, braced, unit, one) => {
    const code = [hex, braced, unit].find((digits) => digits !== undefined);
    if (code === undefined) return ESCAPED[String(one)] ?? String(one);
    const point = Number.parseInt(String(code), 16);
    if (point > 0x10ffff || point === 0) throw pathError(path.slice(at, end));
    return String.fromCodePoint(point);
  });
  return { token: { kind, text }, length: end + 1 - at };
}
