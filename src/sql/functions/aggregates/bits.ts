// bit_and, bit_or and bit_xor of integers.
import { type AggregateDefinition, defineAggregate } from "./definition.ts";

function bitsFunction(name: string, join: (a: bigint, b: bigint) => bigint): AggregateDefinition {
  return defineAggregate<bigint | null>(name, {
    start: () => null,
    step: (bits, value = null) => {
      if (value === null) return bits;
      const own = BigInt(Number.isInteger(value) || typeof value === "bigint" ? (value as number | bigint) : 0);
      return bits === null ? own : join(bits, own);
    },
    result: (bits) => bits,
  });
}

export const BITS: readonly AggregateDefinition[] = [
  bitsFunction("bit_and", (a, b) => a & b),
  bitsFunction("bit_or", (a, b) => a | b),
  bitsFunction("bit_xor", (a, b) => a ^ b),
];
