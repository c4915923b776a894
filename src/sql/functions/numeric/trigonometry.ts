// Functions of angles (in radians), the hyperbolic ones, and the cube root: each one double of another.
import { DbError } from "../../../base/errors.ts";
import { DOUBLE } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";
import { finiteDouble } from "../numeric-range.ts";

function ofDouble(name: string, evaluate: (value: number) => number): FunctionDefinition {
  return defineFunction(name, [
    overload(["double"], DOUBLE, (value) => {
      const result = evaluate(value);
      if (Number.isNaN(result)) throw new DbError("SQL_EXECUTION_ERROR", "input is out of range");
      return finiteDouble(result, [value]);
    }),
  ]);
}

const DEGREES = 180 / Math.PI;

export const degrees = ofDouble("degrees", (value) => value * DEGREES);
export const radians = ofDouble("radians", (value) => value / DEGREES);
export const sin = ofDouble("sin", Math.sin);
export const cos = ofDouble("cos", Math.cos);
export const tan = ofDouble("tan", Math.tan);
export const cot = ofDouble("cot", (value) => {
  const tangent = Math.tan(value);
  return tangent === 0 ? Number.POSITIVE_INFINITY : 1 / tangent;
});
export const asin = ofDouble("asin", Math.asin);
export const acos = ofDouble("acos", Math.acos);
export const atan = ofDouble("atan", Math.atan);
export const sinh = ofDouble("sinh", Math.sinh);
export const cosh = ofDouble("cosh", Math.cosh);
export const tanh = ofDouble("tanh", Math.tanh);
export const asinh = ofDouble("asinh", Math.asinh);
export const acosh = ofDouble("acosh", Math.acosh);
export const atanh = ofDouble("atanh", Math.atanh);
export const cbrt = ofDouble("cbrt", Math.cbrt);
export const atan2 = defineFunction("atan2", [
  overload(["double", "double"], DOUBLE, (y, x) => finiteDouble(Math.atan2(y, x), [y, x])),
]);
