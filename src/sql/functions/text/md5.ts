import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const md5 = defineFunction("md5", [
  overload(["text"], TEXT, (text) => Bun.CryptoHasher.hash("md5", text, "hex")),
  overload(["bytes"], TEXT, (bytes) => Bun.CryptoHasher.hash("md5", bytes, "hex")),
]);
