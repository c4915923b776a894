import { DbError } from "../../../base/errors.ts";
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

const BASE64_LINE = /.{76}(?=.)/g;

function encoded(bytes: Uint8Array, format: string): string {
  switch (format.toLowerCase()) {
    case "hex":
      return bytes.toHex();
    case "base64":
      // Broken at 76 characters, as PostgreSQL does after RFC 2045.
      return bytes.toBase64().replaceAll(BASE64_LINE, "$&\n");
    default:
      throw new DbError("SQL_EXECUTION_ERROR", `unrecognized encoding: ${JSON.stringify(format)}`, {
        hint: "Encodings are 'hex' and 'base64'.",
      });
  }
}

export const encode = defineFunction("encode", [overload(["bytes", "text"], TEXT, encoded)]);
