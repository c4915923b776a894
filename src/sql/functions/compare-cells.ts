// The order of two values of one type: SQLite's order of their storage forms, and PostgreSQL's.
import type { Cell, TypeKind } from "../../model/sql-type.ts";
import type { CompareOp } from "../expression.ts";
import { compareText } from "./text/code-points.ts";

type Present = Exclude<Cell, null>;

/** Numbers, bigints and booleans: the kinds JavaScript orders as we do. */
function compareScalars(a: Present, b: Present): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Negative, zero or positive. Neither value is NULL. */
export function compareCells(kind: TypeKind): (a: Present, b: Present) => number {
  switch (kind) {
    case "text":
    case "json":
    case "uuid":
    case "interval":
    case "array":
    case "file":
      return (a, b) => (a === b ? 0 : compareText(String(a), String(b)));
    case "bytes":
    case "embedding":
      return (a, b) => (a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) : 0);
    default:
      return compareScalars;
  }
}

/** What a comparison says of the order of its two values. */
export const ORDER_TESTS: Readonly<Record<CompareOp, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "<>": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};
