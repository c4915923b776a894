// gcd and lcm. Both are never negative, and 0 for zeros.
import { rescale } from "../../../model/decimal.ts";
import { largerScale, scaleOf, sumType } from "../decimal-types.ts";
import { defineFunction, type FunctionDefinition, overload, preparedOverload } from "../definition.ts";
import { inBigint, inDecimal, inInt } from "../numeric-range.ts";

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  let [high, low] = [absolute(a), absolute(b)];
  while (low !== 0n) [high, low] = [low, high % low];
  return high;
}

function leastMultiple(a: bigint, b: bigint): bigint {
  return a === 0n || b === 0n ? 0n : absolute((a / greatestDivisor(a, b)) * b);
}

function divisorFunction(name: string, of: (a: bigint, b: bigint) => bigint): FunctionDefinition {
  return defineFunction(name, [
    overload(["int", "int"], { kind: "int" }, (a, b) => inInt(Number(of(BigInt(a), BigInt(b))))),
    overload(["bigint", "bigint"], { kind: "bigint" }, (a, b) => inBigint(of(a, b))),
    preparedOverload(["decimal", "decimal"], sumType, (types) => {
      const [left, right, scale] = [scaleOf(types[0]), scaleOf(types[1]), largerScale(types)];
      return (a, b) => inDecimal(of(rescale(a, left, scale), rescale(b, right, scale)));
    }),
  ]);
}

export const gcd = divisorFunction("gcd", greatestDivisor);
export const lcm = divisorFunction("lcm", leastMultiple);
