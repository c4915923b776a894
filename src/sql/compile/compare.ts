// Comparisons, one closure for each operator and family of types, so that a row costs no dispatch.
import type { Cell, TypeKind } from "../../model/sql-type.ts";
import type { CompareOp } from "../expression.ts";
import { compareCells, ORDER_TESTS } from "../functions/compare-cells.ts";
import type { Evaluate } from "../plan.ts";

type Present = Exclude<Cell, null>;
type Test = (a: Present, b: Present) => boolean;

export interface Operands {
  /** Of both sides. */
  readonly kind: TypeKind;
  readonly left: Evaluate;
  readonly right: Evaluate;
}

/** Kinds whose JavaScript order is not the order of their values. */
const ORDERED_APART: readonly TypeKind[] = ["text", "json", "uuid", "interval", "array", "bytes", "embedding", "file"];

/** Kinds whose equal values may be two objects. */
export const BY_CONTENT: readonly TypeKind[] = ["bytes", "embedding"];

const SCALAR_TESTS: Readonly<Record<CompareOp, Test>> = {
  "=": (a, b) => a === b,
  "<>": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

export function testFor(op: CompareOp, kind: TypeKind): Test {
  const byIdentity = (op === "=" || op === "<>") && !BY_CONTENT.includes(kind);
  if (byIdentity || !ORDERED_APART.includes(kind)) return SCALAR_TESTS[op];
  const compare = compareCells(kind);
  const test = ORDER_TESTS[op];
  return (a, b) => test(compare(a, b));
}

export function compileCompare(op: CompareOp, { kind, left, right }: Operands): Evaluate {
  const test = testFor(op, kind);
  return (row, slots) => {
    const a = left(row, slots);
    const b = right(row, slots);
    return a === null || b === null ? null : test(a, b);
  };
}

/** IS [NOT] DISTINCT FROM: NULL is a value like others. */
export function compileDistinct(negated: boolean, { kind, left, right }: Operands): Evaluate {
  const equal = testFor("=", kind);
  return (row, slots) => {
    const a = left(row, slots);
    const b = right(row, slots);
    const same = a === null || b === null ? a === b : equal(a, b);
    return same === negated;
  };
}
