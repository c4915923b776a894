import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

/** Negative numbers show their two's complement. */
export const toHex = defineFunction("to_hex", [
  overload(["int"], TEXT, (value) => (value >>> 0).toString(16)),
  overload(["bigint"], TEXT, (value) => BigInt.asUintN(64, value).toString(16)),
]);
