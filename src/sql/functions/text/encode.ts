import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

const BASE64_LINE = /.{76}(?=.)/g;

/** Zero and what is not ASCII as three octal digits. */
function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    if (byte === 0 || byte > 0x7f) return `\\${byte.toString(8).padStart(3, "0")}`;
    return byte === 0x5c ? "\\\\" : String.fromCharCode(byte);
  }).join("");
}

function encoded(bytes: Uint8Array, format: string): string {
  switch (format.toLowerCase()) {
    case "hex":
      return bytes.toHex();
    case "base64":
      // Broken at 76 characters, as PostgreSQL does after RFC 2045.
      return bytes.toBase64().replaceAll(BASE64_LINE, "$&\n");
    case "escape":
      return escaped(bytes);
    default:
      throw new DbError("SQL_EXECUTION_ERROR", `unrecognized encoding: ${JSON.stringify(format)}`, {
        hint: "Encodings are 'hex', 'base64' and 'escape'.",
      });
  }
}

export const encode = defineFunction("encode", [overload(["bytes", "text"], TEXT, encoded)]);
