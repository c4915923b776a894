import { DbError } from "../../../base/errors.ts";
import { defineFunction, overload } from "../definition.ts";

const ESCAPE = /\\(?:([0-3][0-7]{2})|(\\)|)/g;

/** The reverse of `encode(…, 'escape')`. */
function unescaped(text: string): Uint8Array {
  const binary = Buffer.from(text).toString("latin1");
  const bytes = binary.replaceAll(ESCAPE, (_all, octal: string | undefined, backslash: string | undefined) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    if (backslash !== undefined) return backslash;
    throw new DbError("SQL_EXECUTION_ERROR", "invalid input syntax for type bytea");
  });
  return new Uint8Array(Buffer.from(bytes, "latin1"));
}

function decoded(text: string, format: string): Uint8Array {
  if (format.toLowerCase() === "escape") return unescaped(text);
  const compact = text.replaceAll(/\s/g, "");
  try {
    switch (format.toLowerCase()) {
      case "hex":
        return Uint8Array.fromHex(compact);
      case "base64":
        return Uint8Array.fromBase64(compact);
    }
  } catch (cause) {
    throw new DbError("SQL_EXECUTION_ERROR", `invalid ${format.toLowerCase()} data`, { cause });
  }
  throw new DbError("SQL_EXECUTION_ERROR", `unrecognized encoding: ${JSON.stringify(format)}`, {
    hint: "Encodings are 'hex', 'base64' and 'escape'.",
  });
}

export const decode = defineFunction("decode", [overload(["text", "text"], { kind: "bytes" }, decoded)]);
