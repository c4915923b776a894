// `&`, `|`, `#`, `~`, `<<` and `>>` of integers. A shift counts modulo the width, and the shifted value wraps around, as in PostgreSQL.
import { type SqlType } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";

const SMALLINT: SqlType = { kind: "smallint" };
const INTEGER: SqlType = { kind: "int" };
const BIGINT: SqlType = { kind: "bigint" };

function bitwise(
  name: string,
  narrow: (a: number, b: number) => number,
  wide: (a: bigint, b: bigint) => bigint,
): FunctionDefinition {
  return defineFunction(name, [
    overload(["smallint", "smallint"], SMALLINT, narrow),
    overload(["int", "int"], INTEGER, narrow),
    overload(["bigint", "bigint"], BIGINT, wide),
  ]);
}

export const bitAnd = bitwise(
  "bitwise_and",
  (a, b) => a & b,
  (a, b) => a & b,
);
export const bitOr = bitwise(
  "bitwise_or",
  (a, b) => a | b,
  (a, b) => a | b,
);
export const bitXor = bitwise(
  "bitwise_xor",
  (a, b) => a ^ b,
  (a, b) => a ^ b,
);

export const bitNot = defineFunction("bitwise_not", [
  overload(["smallint"], SMALLINT, (a) => ~a),
  overload(["int"], INTEGER, (a) => ~a),
  overload(["bigint"], BIGINT, (a) => ~a),
]);

const toSmallint = (value: number): number => (value << 16) >> 16;
const WIDE_SHIFT_MASK = 63;

export const shiftLeft = defineFunction("shift_left", [
  overload(["smallint", "int"], SMALLINT, (a, count) => toSmallint(a << count)),
  overload(["int", "int"], INTEGER, (a, count) => a << count),
  overload(["bigint", "int"], BIGINT, (a, count) => BigInt.asIntN(64, a << BigInt(count & WIDE_SHIFT_MASK))),
]);

export const shiftRight = defineFunction("shift_right", [
  overload(["smallint", "int"], SMALLINT, (a, count) => a >> count),
  overload(["int", "int"], INTEGER, (a, count) => a >> count),
  overload(["bigint", "int"], BIGINT, (a, count) => a >> BigInt(count & WIDE_SHIFT_MASK)),
]);
