// convert_from and convert_to: bytes and the text they encode. UTF-8 is the one encoding.
import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

function assertUtf8(encoding: string): void {
  if (/^(?:utf-?8|unicode)$/i.test(encoding.trim())) return;
  throw new DbError("UNSUPPORTED", `encoding ${JSON.stringify(encoding)} is not supported`, {
    hint: "The one encoding is 'UTF8'.",
  });
}

function textOf(bytes: Uint8Array): string {
  if (bytes.includes(0)) throw invalidUtf8();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalidUtf8(cause);
  }
}

function invalidUtf8(cause?: unknown): DbError {
  return new DbError("SQL_EXECUTION_ERROR", 'invalid byte sequence for encoding "UTF8"', { cause });
}

export const convertFrom = defineFunction("convert_from", [
  overload(["bytes", "text"], TEXT, (bytes, encoding) => {
    assertUtf8(encoding);
    return textOf(bytes);
  }),
]);

export const convertTo = defineFunction("convert_to", [
  overload(["text", "text"], { kind: "bytes" }, (text, encoding) => {
    assertUtf8(encoding);
    return new TextEncoder().encode(text);
  }),
]);
