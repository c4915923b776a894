import { INT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const bitLength = defineFunction("bit_length", [
  overload(["text"], INT, (text) => Buffer.byteLength(text) * 8),
  overload(["bytes"], INT, (bytes) => bytes.length * 8),
]);
