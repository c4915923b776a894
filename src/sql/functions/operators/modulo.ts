// The remainder takes the sign of the dividend. As in PostgreSQL there is no remainder of floating-point numbers.
import { rescale } from "../../../model/decimal.ts";
import { largerScale, scaleOf, sumType } from "../decimal-types.ts";
import { alias, defineFunction, overload, preparedOverload } from "../definition.ts";
import { divisionByZero } from "../numeric-range.ts";

function remainder(a: number, b: number): number {
  if (b === 0) throw divisionByZero();
  return (a % b) + 0;
}

function wideRemainder(a: bigint, b: bigint): bigint {
  if (b === 0n) throw divisionByZero();
  return a % b;
}

export const modulo = defineFunction("modulo", [
  overload(["smallint", "smallint"], { kind: "smallint" }, remainder),
  overload(["int", "int"], { kind: "int" }, remainder),
  overload(["bigint", "bigint"], { kind: "bigint" }, wideRemainder),
  preparedOverload(["decimal", "decimal"], sumType, (types) => {
    const [left, right, scale] = [scaleOf(types[0]), scaleOf(types[1]), largerScale(types)];
    return (a, b) => wideRemainder(rescale(a, left, scale), rescale(b, right, scale));
  }),
]);

export const mod = alias("mod", modulo);
