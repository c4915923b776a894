// Conjuncts of a live predicate that compare one column with one value: what a router can index changes by.
import type { TableSchema } from "../../model/schema.ts";
import type { CompareOp, Expr } from "../expression.ts";
import type { IndexTerm, ValueSource } from "../plan.ts";
import { conjuncts } from "./boolean.ts";
import { equalValues, valueSource, withoutWidening } from "./point.ts";

/** No order or equality of cells that an index could use as it is. */
const NOT_INDEXED: ReadonlySet<string> = new Set(["json", "bytes", "embedding", "file"]);

type RangeTerm = Extract<IndexTerm, { readonly kind: "range" }>;

/** Every matching row satisfies every term. Bounds of one column are joined into one range. */
export function indexTerms(table: TableSchema, condition: Expr | undefined): readonly IndexTerm[] {
  const others: IndexTerm[] = [];
  const ranges = new Map<number, RangeTerm>();
  for (const part of conjuncts(condition)) {
    const term =
      equalTerm(table, part) ??
      truthTerm(table, part) ??
      nullTerm(table, part) ??
      patternTerm(table, part) ??
      anyTerm(table, part);
    if (term !== undefined) others.push(term);
    const range = rangeTerm(table, part);
    if (range === undefined) continue;
    const known = ranges.get(range.column);
    ranges.set(range.column, known === undefined ? range : narrowed(known, range));
  }
  return [...others, ...ranges.values()];
}

function columnOf(table: TableSchema, expr: Expr): number | undefined {
  const bare = withoutWidening(expr);
  if (bare.kind !== "column" || NOT_INDEXED.has(bare.type.kind)) return undefined;
  return bare.column < table.columns.length ? bare.column : undefined;
}

function equalTerm(table: TableSchema, part: Expr): IndexTerm | undefined {
  const sides = part.kind === "compare" ? [part.left, part.right] : part.kind === "in" ? [part.arg] : [];
  for (const side of sides) {
    const column = columnOf(table, side);
    if (column === undefined) continue;
    const values = equalValues(part, (expr) => columnOf(table, expr) === column);
    if (values !== undefined) return { kind: "equal", column, values };
  }
  return undefined;
}

/** A BOOLEAN column as it stands, its negation, IS TRUE and IS FALSE. */
function truthTerm(table: TableSchema, part: Expr): IndexTerm | undefined {
  const [arg, truth] =
    part.kind === "not"
      ? [part.arg, false]
      : part.kind === "isTruth" && !part.negated
        ? [part.arg, part.truth]
        : [part, true];
  const column = arg.type.kind === "boolean" ? columnOf(table, arg) : undefined;
  if (column === undefined) return undefined;
  return truth === null
    ? { kind: "null", column }
    : { kind: "equal", column, values: [{ kind: "constant", value: truth }] };
}

function nullTerm(table: TableSchema, part: Expr): IndexTerm | undefined {
  if (part.kind !== "isNull") return undefined;
  const column = columnOf(table, part.arg);
  if (column === undefined) return undefined;
  return part.negated ? { kind: "notNull", column } : { kind: "null", column };
}

/** LIKE, ILIKE and `starts_with`, their pattern a value. */
function patternTerm(table: TableSchema, part: Expr): IndexTerm | undefined {
  if (part.kind !== "call" || !PATTERN_CALLS.has(part.name)) return undefined;
  const [text, ...values] = part.args;
  const column = text?.type.kind === "text" ? columnOf(table, text) : undefined;
  const [pattern, escape] = values.map(valueSource);
  if (column === undefined || pattern === undefined || (values.length > 1 && escape === undefined)) return undefined;
  if (part.name === "starts_with") return { kind: "prefix", column, prefix: pattern };
  return { kind: "like", column, pattern, escape, foldsCase: part.name === "ilike" };
}

const PATTERN_CALLS: ReadonlySet<string> = new Set(["like", "ilike", "starts_with"]);

/** With more, the entries of the index would cost more than they spare. */
const MAX_ARMS = 32;

/** An OR all of whose arms an index can find. */
function anyTerm(table: TableSchema, part: Expr): IndexTerm | undefined {
  const parts = disjuncts(part);
  if (parts.length < 2 || parts.length > MAX_ARMS) return undefined;
  const arms = parts.map((arm) => indexTerms(table, arm));
  return arms.every((terms) => terms.length > 0) ? { kind: "any", arms } : undefined;
}

/** Of which one must be true, nested ORs opened up. */
function disjuncts(expr: Expr): readonly Expr[] {
  return expr.kind === "or" ? expr.args.flatMap(disjuncts) : [expr];
}

const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = {
  "=": "=",
  "<>": "<>",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

function rangeTerm(table: TableSchema, part: Expr): RangeTerm | undefined {
  if (part.kind !== "compare" || part.op === "=" || part.op === "<>") return undefined;
  const left = columnOf(table, part.left);
  const column = left ?? columnOf(table, part.right);
  const value = valueSource(withoutWidening(left === undefined ? part.left : part.right));
  if (column === undefined || value === undefined) return undefined;
  const op = left === undefined ? MIRRORED[part.op] : part.op;
  return op === ">" || op === ">=" ? lowBound(column, value, op === ">=") : highBound(column, value, op === "<=");
}

function lowBound(column: number, low: ValueSource, lowInclusive: boolean): RangeTerm {
  return { kind: "range", column, low, lowInclusive, high: undefined, highInclusive: false };
}

function highBound(column: number, high: ValueSource, highInclusive: boolean): RangeTerm {
  return { kind: "range", column, low: undefined, lowInclusive: false, high, highInclusive };
}

/** Which of two bounds on one side is the tighter depends on values; either alone is right. */
function narrowed(known: RangeTerm, next: RangeTerm): RangeTerm {
  if (known.low === undefined && next.low !== undefined) {
    return { ...known, low: next.low, lowInclusive: next.lowInclusive };
  }
  if (known.high === undefined && next.high !== undefined) {
    return { ...known, high: next.high, highInclusive: next.highInclusive };
  }
  return known;
}
