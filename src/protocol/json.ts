// JSON that keeps 64-bit integers: reading gives a bigint where a number would round, writing prints a bigint as an integer.
// Runs in browsers and Node as well as in Bun.

import { DbError } from "../base/errors.ts";
import { isRecord } from "../base/is-record.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined };

/** An integer outside of a string that may pass 2^53: every 16-digit number below 9·10^15 is safe. */
const MAY_ROUND = /(?:^|[:,[])\s*-?(?:9\d{15}|\d{17,})/;
const LONG_INTEGER = /^-?\d{16,}$/;
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** No 64-bit column needs more, and building a huge bigint costs quadratic time. */
const MAX_INTEGER_DIGITS = 40;

export interface ParseLimits {
  /** Arrays and objects inside one another. */
  readonly maxDepth?: number;
}

/** Throws PROTOCOL_ERROR for text that is not JSON or nests too deep. */
export function parseJson(text: string, limits: ParseLimits = {}): unknown {
  if (limits.maxDepth !== undefined && isDeeperThan(text, limits.maxDepth)) {
    throw new DbError("PROTOCOL_ERROR", `JSON nests deeper than ${limits.maxDepth} levels`);
  }
  try {
    return MAY_ROUND.test(text) ? parseExact(text) : JSON.parse(text);
  } catch (cause) {
    throw new DbError("PROTOCOL_ERROR", cause instanceof Error ? cause.message : "not JSON", { cause });
  }
}

function exactInteger(source: string): number | bigint {
  if (source.length > MAX_INTEGER_DIGITS) return Number(source);
  const exact = BigInt(source);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

function parseExact(text: string): unknown {
  if (!hasSourceText()) return parseQuoted(text);
  // TypeScript does not know the third argument yet; engines without it never get here.
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && LONG_INTEGER.test(source)
      ? exactInteger(source)
      : value;
  });
}

function hasSourceText(): boolean {
  let found = false;
  JSON.parse("1", (_key, value: unknown, context?: { readonly source?: string }) => {
    found = context?.source === "1";
    return value;
  });
  return found;
}

/** For engines whose reviver does not see the source: long integers travel as marked strings. Exported for its test. */
export function parseQuoted(text: string): unknown {
  // Random, so that no text can contain the mark on purpose.
  const mark = `${crypto.randomUUID()}:`;
  const quoted = text.replace(STRING_OR_NUMBER, (token) => (LONG_INTEGER.test(token) ? `"${mark}${token}"` : token));
  return JSON.parse(quoted, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? exactInteger(value.slice(mark.length)) : value,
  );
}

const QUOTE = 34;
const BACKSLASH = 92;

function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === 91 || code === 123) {
      if (++depth > limit) return true;
    } else if (code === 93 || code === 125) depth--;
  }
  return false;
}

/** Position of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Fields that are undefined are left out, as JSON.stringify does; NaN and infinities become null. */
export function toJson(value: JsonValue): string {
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(toJson).join(",")}]`;
  const fields: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(name)}:${toJson(field)}`);
  }
  return `{${fields.join(",")}}`;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return isRecord(value) && !ArrayBuffer.isView(value);
}
