// Conditions on arrays: `= ANY`, `@>`, `<@` and `&&`. NULL among elements is never equal to anything.
import { isNullSegment, segmentsOf } from "../../../model/array.ts";
import { BOOLEAN, type Cell } from "../../../model/sql-type.ts";
import { ORDER_TESTS } from "../compare-cells.ts";
import { defineFunction, overload } from "../definition.ts";
import { compareText } from "../text/code-points.ts";

const TESTS: Readonly<Record<string, (order: number) => boolean>> = ORDER_TESTS;

/** `x op ANY (a)` or, where `any` is false, `x op ALL (a)`; the element is an array of one. */
function quantified(segment: string, segments: readonly string[], { op, any }: { op: string; any: boolean }): Cell {
  const test = TESTS[op];
  if (test === undefined) throw new Error(`no comparison ${op}`);
  let unknown = false;
  for (const own of segments) {
    if (isNullSegment(own) || isNullSegment(segment)) unknown = true;
    else if (test(compareText(segment, own)) === any) return any;
  }
  return unknown ? null : !any;
}

export const arrayCompare = defineFunction("array_compare", [
  overload(["array", "array", "text", "boolean"], BOOLEAN, (segment, array, op, any) =>
    quantified(segment, segmentsOf(array), { op, any }),
  ),
]);

function elements(array: string): ReadonlySet<string> {
  return new Set(segmentsOf(array));
}

function holds(array: string, others: string): boolean {
  const own = elements(array);
  return segmentsOf(others).every((segment) => !isNullSegment(segment) && own.has(segment));
}

export const arrayContains = defineFunction("array_contains", [overload(["array", "array"], BOOLEAN, holds)]);

export const arrayContained = defineFunction("array_contained", [
  overload(["array", "array"], BOOLEAN, (array, others) => holds(others, array)),
]);

export const arrayOverlaps = defineFunction("array_overlaps", [
  overload(["array", "array"], BOOLEAN, (array, others) => {
    const own = elements(array);
    return segmentsOf(others).some((segment) => !isNullSegment(segment) && own.has(segment));
  }),
]);
