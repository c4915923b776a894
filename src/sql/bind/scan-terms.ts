// What a WHERE clause lets a scan of one table leave out: its conjuncts that compare one column with one value. The text keeps every condition; these
// only save reading rows that it would throw away.
import type { CompareOp, Expr } from "../expression.ts";
import type { ScanTerm, ValueSource } from "../plan.ts";
import { conjuncts } from "./boolean.ts";
import { valueSource, withoutWidening } from "./point.ts";

/** No order or equality of stored values that means the same as SQL's. */
const NOT_SCANNED: ReadonlySet<string> = new Set(["json", "bytes", "embedding", "file"]);

/** Each is tried on every value of its column; more than a few rule out nothing that these did not. */
const MAX_TERMS = 16;

/** A base table in scope: the number in its column expressions, and how many columns it has before `_deleted`. */
export interface ScanTarget {
  readonly relation: number;
  readonly columns: number;
}

export interface ScanTerms {
  readonly terms: readonly ScanTerm[];
  /** The terms say all that the condition says. */
  readonly isWhole: boolean;
}

/**
 * Every row that the condition is true for satisfies every term. `optional`: the table may stand on the optional side of an outer join, where rows that are left
 * out come back as NULLs; only terms that NULL does not satisfy are safe there.
 */
export function scanTerms(condition: Expr | undefined, target: ScanTarget, optional: boolean): ScanTerms {
  const terms: ScanTerm[] = [];
  let isWhole = true;
  for (const part of conjuncts(condition)) {
    const term = terms.length === MAX_TERMS ? undefined : scanTerm(part, target);
    if (term === undefined || (optional && term.kind === "isNull" && !term.negated)) isWhole = false;
    else terms.push(term);
  }
  return { terms, isWhole };
}

function scanTerm(part: Expr, target: ScanTarget): ScanTerm | undefined {
  switch (part.kind) {
    case "compare":
      return compareTerm(part, target);
    case "in":
      return inTerm(part, target);
    case "isNull": {
      const column = scanColumn(part.arg, target);
      return column === undefined ? undefined : { kind: "isNull", column, negated: part.negated };
    }
    case "column":
    case "not":
      return flagTerm(part, target);
    default:
      return undefined;
  }
}

/** `done` and `NOT done`. */
function flagTerm(part: Extract<Expr, { kind: "column" | "not" }>, target: ScanTarget): ScanTerm | undefined {
  const column = scanColumn(part.kind === "not" ? part.arg : part, target);
  if (column === undefined) return undefined;
  return { kind: "in", column, values: [{ kind: "constant", value: part.kind === "column" }] };
}

function inTerm(part: Extract<Expr, { kind: "in" }>, target: ScanTarget): ScanTerm | undefined {
  const column = part.negated ? undefined : scanColumn(part.arg, target);
  if (column === undefined) return undefined;
  const values = part.list.map(valueSource);
  return values.every((value) => value !== undefined) ? { kind: "in", column, values } : undefined;
}

const MIRRORED = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

function compareTerm(part: Extract<Expr, { kind: "compare" }>, target: ScanTarget): ScanTerm | undefined {
  const left = scanColumn(part.left, target);
  const column = left ?? scanColumn(part.right, target);
  const value = valueOf(left === undefined ? part.left : part.right);
  if (column === undefined || value === undefined) return undefined;
  return comparison(column, left === undefined ? mirrored(part.op) : part.op, value);
}

function mirrored(op: CompareOp): CompareOp {
  return op === "=" || op === "<>" ? op : MIRRORED[op];
}

function comparison(column: number, op: CompareOp, value: ValueSource): ScanTerm | undefined {
  if (op === "<>") return undefined;
  return op === "=" ? { kind: "in", column, values: [value] } : { kind: "compare", column, op, value };
}

function valueOf(expr: Expr): ValueSource | undefined {
  return valueSource(withoutWidening(expr));
}

/** The column's place, seen through casts that change neither order nor stored form. */
export function scanColumn(expr: Expr, target: ScanTarget): number | undefined {
  const bare = withoutNumericWidening(expr);
  if (bare.kind !== "column" || bare.relation !== target.relation || bare.column >= target.columns) return undefined;
  return NOT_SCANNED.has(bare.type.kind) ? undefined : bare.column;
}

const RANKS: Readonly<Record<string, number>> = { smallint: 1, int: 2, bigint: 3, float: 11, double: 12 };

/** SQLite stores an integer, and a float, the same way whatever its width. */
function withoutNumericWidening(expr: Expr): Expr {
  const bare = withoutWidening(expr);
  if (bare.kind !== "cast") return bare;
  const [from, to] = [RANKS[bare.arg.type.kind], RANKS[bare.type.kind]];
  const widens = from !== undefined && to !== undefined && from <= to && from > 10 === to > 10;
  return widens ? withoutNumericWidening(bare.arg) : bare;
}
