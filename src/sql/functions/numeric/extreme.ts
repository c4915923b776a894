// greatest and least: NULLs are left out; NULL only when there is nothing else. Of equal values that read differently (a month and 30 days) it is the first.
import { intervalKey } from "../../../model/interval.ts";
import type { Cell, TypeKind } from "../../../model/sql-type.ts";
import { compareCells } from "../compare-cells.ts";
import { defineFunction, type FunctionDefinition, firstType, variadicOverload } from "../definition.ts";

const KINDS: readonly TypeKind[] = [
  "smallint",
  "int",
  "bigint",
  "decimal",
  "float",
  "double",
  "text",
  "boolean",
  "timestamp",
  "datetime",
  "date",
  "time",
  "uuid",
  "bytes",
  "interval",
  "array",
];

function orderOf(kind: TypeKind): ReturnType<typeof compareCells> {
  const compare = compareCells(kind);
  return kind === "interval" ? (a, b) => compare(intervalKey(String(a)), intervalKey(String(b))) : compare;
}

function extremeFunction(name: string, sign: 1 | -1): FunctionDefinition {
  const overloads = KINDS.map((kind) => {
    const compare = orderOf(kind);
    return variadicOverload([kind], firstType, (...args) => {
      let extreme: Cell = null;
      for (const value of args) {
        if (value !== null && (extreme === null || compare(value, extreme) * sign > 0)) extreme = value;
      }
      return extreme;
    });
  });
  return defineFunction(name, overloads, { strict: false });
}

export const greatest = extremeFunction("greatest", 1);
export const least = extremeFunction("least", -1);
