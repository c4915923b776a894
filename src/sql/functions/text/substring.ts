import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { codePointSlice } from "./code-points.ts";

function assertLength(length: number): void {
  if (length < 0) throw new DbError("SQL_EXECUTION_ERROR", "negative substring length not allowed");
}

/** Positions count from 1; a start before the text uses up length. */
function slice(text: string, start: number, length: number): string {
  assertLength(length);
  return codePointSlice(text, start - 1, start - 1 + length);
}

function bytesSlice(bytes: Uint8Array, start: number, length: number): Uint8Array {
  assertLength(length);
  return bytes.slice(Math.max(0, start - 1), Math.max(0, start - 1 + length));
}

const BYTES = { kind: "bytes" } as const;

export const substring = defineFunction("substring", [
  overload(["text", "int"], TEXT, (text, start) => codePointSlice(text, start - 1, text.length)),
  overload(["text", "int", "int"], TEXT, slice),
  overload(["bytes", "int"], BYTES, (bytes, start) => bytesSlice(bytes, start, Number.MAX_SAFE_INTEGER / 2)),
  overload(["bytes", "int", "int"], BYTES, bytesSlice),
]);

export const substr = alias("substr", substring);
