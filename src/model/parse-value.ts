// Values of the other types as untrusted input gives them.
import { DbError } from "../base/errors.ts";
import { mismatch, type Present } from "./parse-number.ts";

export function parseBoolean(input: Present): boolean {
  if (typeof input === "boolean") return input;
  if (input === 0 || input === 0n) return false;
  if (input === 1 || input === 1n) return true;
  if (typeof input === "string") {
    const text = input.trim().toLowerCase();
    if (["t", "true", "y", "yes", "on", "1"].includes(text)) return true;
    if (["f", "false", "n", "no", "off", "0"].includes(text)) return false;
  }
  throw mismatch("boolean", input);
}

export function parseText(input: Present): string {
  if (typeof input === "string") {
    // PostgreSQL refuses NUL in text; SQLite would store it and cut the value in C-string functions.
    if (input.includes("\u0000")) throw new DbError("INVALID_VALUE", "invalid byte sequence for type text: 0x00");
    return input.isWellFormed() ? input : input.toWellFormed();
  }
  if (input instanceof Uint8Array) throw mismatch("text", input);
  return String(input);
}

export function parseJson(input: Present): string {
  const source = parseText(input);
  try {
    JSON.parse(source);
  } catch (cause) {
    throw new DbError("INVALID_VALUE", "invalid input syntax for type json", { cause });
  }
  return source;
}

const UUID_TEXT = /^\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;

export function parseUuid(input: Present): string {
  const match = typeof input === "string" ? UUID_TEXT.exec(input.trim()) : null;
  if (!match) throw mismatch("uuid", input);
  return match.slice(1).join("-").toLowerCase();
}

export function parseBytes(input: Present): Uint8Array {
  if (input instanceof Uint8Array) return input;
  if (typeof input !== "string") throw mismatch("bytes", input);
  const hex = /^(?:\\x|0x)((?:[0-9a-f]{2})*)$/i.exec(input.trim())?.[1];
  return hex === undefined ? new TextEncoder().encode(input) : Uint8Array.fromHex(hex);
}

export function parseTemporal<T extends number | bigint>(
  what: string,
  fromText: (text: string) => T,
  fromInteger: (value: bigint) => T,
): (input: Present) => T {
  return (input) => {
    if (typeof input === "string") return fromText(input);
    if (typeof input === "bigint") return fromInteger(input);
    if (typeof input === "number" && Number.isInteger(input)) return fromInteger(BigInt(input));
    throw mismatch(what, input);
  };
}
