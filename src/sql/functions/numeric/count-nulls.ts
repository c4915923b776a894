// num_nulls and num_nonnulls.
import { INT } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, variadicOverload } from "../definition.ts";

function countFunction(name: string, countsNulls: boolean): FunctionDefinition {
  const count = variadicOverload(["text"], INT, (...values) => {
    return values.filter((value) => (value === null) === countsNulls).length;
  });
  return defineFunction(name, [count], { strict: false, anyAsText: true });
}

export const numNulls = countFunction("num_nulls", true);
export const numNonnulls = countFunction("num_nonnulls", false);
