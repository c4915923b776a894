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

export const TRIGONOMETRY: readonly FunctionDefinition[] = [
  ofDouble("degrees", (value) => value * DEGREES),
  ofDouble("radians", (value) => value / DEGREES),
  ofDouble("sin", Math.sin),
  ofDouble("cos", Math.cos),
  ofDouble("tan", Math.tan),
  ofDouble("cot", (value) => {
    const tangent = Math.tan(value);
    return tangent === 0 ? Number.POSITIVE_INFINITY : 1 / tangent;
  }),
  ofDouble("asin", Math.asin),
  ofDouble("acos", Math.acos),
  ofDouble("atan", Math.atan),
  ofDouble("sinh", Math.sinh),
  ofDouble("cosh", Math.cosh),
  ofDouble("tanh", Math.tanh),
  ofDouble("asinh", Math.asinh),
  ofDouble("acosh", Math.acosh),
  ofDouble("atanh", Math.atanh),
  ofDouble("cbrt", Math.cbrt),
  defineFunction("atan2", [overload(["double", "double"], DOUBLE, (y, x) => finiteDouble(Math.atan2(y, x), [y, x]))]),
];
