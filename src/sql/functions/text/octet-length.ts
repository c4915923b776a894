import { INT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

export const octetLength = defineFunction("octet_length", [
  overload(["text"], INT, (text) => Buffer.byteLength(text)),
  overload(["bytes"], INT, (bytes) => bytes.length),
]);
