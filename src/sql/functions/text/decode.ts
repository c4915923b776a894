import { DbError } from "../../../base/errors.ts";
import { defineFunction, overload } from "../definition.ts";

function decoded(text: string, format: string): Uint8Array {
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
    hint: "Encodings are 'hex' and 'base64'.",
  });
}

export const decode = defineFunction("decode", [overload(["text", "text"], { kind: "bytes" }, decoded)]);
