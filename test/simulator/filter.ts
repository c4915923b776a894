// Filters as data: generated, printed as SQL, and evaluated here on their own, in three-valued logic, without any code of the product.
import type { Random } from "./random.ts";
import { type ColumnName, literal, type ModelRow, type ModelValue, randomValue } from "./row.ts";

const COMPARE = ["=", "<>", "<", "<=", ">", ">="] as const;
type CompareOp = (typeof COMPARE)[number];

export type Filter =
  | { readonly kind: "compare"; readonly column: ColumnName; readonly op: CompareOp; readonly value: ModelValue }
  | {
      readonly kind: "in";
      readonly column: ColumnName;
      readonly negated: boolean;
      readonly list: readonly ModelValue[];
    }
  | {
      readonly kind: "between";
      readonly column: ColumnName;
      readonly negated: boolean;
      readonly low: ModelValue;
      readonly high: ModelValue;
    }
  | { readonly kind: "isNull"; readonly column: ColumnName; readonly negated: boolean }
  | { readonly kind: "distinct"; readonly column: ColumnName; readonly negated: boolean; readonly value: ModelValue }
  | {
      readonly kind: "like";
      readonly column: "room" | "note";
      readonly negated: boolean;
      readonly insensitive: boolean;
      readonly pattern: string;
    }
  /** `n <op> value` after arithmetic on two columns. */
  | { readonly kind: "sum"; readonly plus: number; readonly op: CompareOp }
  | { readonly kind: "remainder"; readonly by: number; readonly rest: number }
  | {
      readonly kind: "coalesce";
      readonly column: "n";
      readonly instead: number;
      readonly op: CompareOp;
      readonly value: number;
    }
  | {
      readonly kind: "case";
      readonly when: Filter;
      readonly result: number;
      readonly otherwise: number;
      readonly value: number;
    }
  | { readonly kind: "length"; readonly op: CompareOp; readonly value: number }
  | { readonly kind: "lower"; readonly value: string }
  | { readonly kind: "truth"; readonly of: Filter; readonly is: boolean | null; readonly negated: boolean }
  | { readonly kind: "regex"; readonly negated: boolean; readonly insensitive: boolean; readonly pattern: string }
  | { readonly kind: "flag" }
  | { readonly kind: "not"; readonly of: Filter }
  | { readonly kind: "and" | "or"; readonly of: readonly Filter[] };

const FILTERED = ["id", "room", "n", "n", "note", "f", "d", "at"] as const satisfies readonly ColumnName[];
/** Read alike by PostgreSQL and JavaScript. */
const EXPRESSIONS = ["^x", "[by]$", "o.h", "^(x|X)"] as const;
const PATTERNS = ["x%", "%y", "_", "x\\%y", "%_b", "", "o%r", "X_"] as const;

export function randomFilter(random: Random, depth = 2): Filter {
  const kind = random.weighted({
    compare: 10,
    in: 3,
    between: 3,
    isNull: 2,
    distinct: 2,
    like: 3,
    sum: 1,
    remainder: 1,
    coalesce: 1,
    case: depth > 0 ? 1 : 0,
    length: 1,
    lower: 1,
    truth: depth > 0 ? 2 : 0,
    regex: 2,
    flag: 1,
    not: depth > 0 ? 3 : 0,
    and: depth > 0 ? 4 : 0,
    or: depth > 0 ? 4 : 0,
  });
  const column = random.pick(FILTERED);
  const value = (): ModelValue => randomValue(random, column);
  const known = (): ModelValue => value() ?? 1;
  const negated = random.chance(40);
  const op = random.pick(COMPARE);
  const inner = (): Filter => randomFilter(random, depth - 1);
  switch (kind) {
    case "compare":
      return { kind, column, op, value: value() };
    case "in":
      return { kind, column, negated, list: random.list(1 + random.below(3), value) };
    case "between": {
      const [low, high] = [value(), value()];
      return { kind, column, negated, low, high };
    }
    case "isNull":
      return { kind, column, negated };
    case "distinct":
      return { kind, column, negated, value: column === "note" || column === "n" ? value() : known() };
    case "like":
      return {
        kind,
        column: random.pick(["room", "note"]),
        negated,
        insensitive: random.chance(40),
        pattern: random.pick(PATTERNS),
      };
    case "sum":
      return { kind, plus: random.below(20), op };
    case "remainder":
      return { kind, by: 2 + random.below(3), rest: random.below(2) };
    case "coalesce":
      return { kind, column: "n", instead: random.below(10), op, value: random.below(10) };
    case "case":
      return { kind, when: inner(), result: random.below(2), otherwise: random.below(2), value: random.below(2) };
    case "length":
      return { kind, op, value: random.below(4) };
    case "lower":
      return { kind, value: random.pick(["a", "b", "c"]) };
    case "truth":
      return { kind, of: inner(), is: random.pick([true, false, null]), negated };
    case "regex":
      return { kind, negated, insensitive: random.chance(40), pattern: random.pick(EXPRESSIONS) };
    case "flag":
      return { kind };
    case "not":
      return { kind, of: inner() };
    default:
      return { kind, of: random.list(2 + random.below(2), inner) };
  }
}

type WriteValue = (column: ColumnName, value: ModelValue) => string;

export function filterSql(filter: Filter, write: WriteValue = literal): string {
  const not = "negated" in filter && filter.negated ? "NOT " : "";
  switch (filter.kind) {
    case "compare":
      return `${filter.column} ${filter.op} ${write(filter.column, filter.value)}`;
    case "in":
      return `${filter.column} ${not}IN (${filter.list.map((value) => write(filter.column, value)).join(", ")})`;
    case "between":
      return `${filter.column} ${not}BETWEEN ${write(filter.column, filter.low)} AND ${write(filter.column, filter.high)}`;
    case "isNull":
      return `${filter.column} IS ${not}NULL`;
    case "distinct":
      return `${filter.column} IS ${not}DISTINCT FROM ${write(filter.column, filter.value)}`;
    case "like":
      return `${filter.column} ${not}${filter.insensitive ? "ILIKE" : "LIKE"} ${write(filter.column, filter.pattern)}`;
    case "sum":
      return `n + ${filter.plus} ${filter.op} id`;
    case "remainder":
      return `id % ${filter.by} = ${filter.rest}`;
    case "coalesce":
      return `coalesce(n, ${filter.instead}) ${filter.op} ${filter.value}`;
    case "case":
      return `CASE WHEN ${filterSql(filter.when, write)} THEN ${filter.result} ELSE ${filter.otherwise} END = ${filter.value}`;
    case "length":
      return `length(note) ${filter.op} ${filter.value}`;
    case "lower":
      return `lower(room) = ${write("room", filter.value)}`;
    case "truth":
      return `(${filterSql(filter.of, write)}) IS ${not}${filter.is === null ? "UNKNOWN" : String(filter.is).toUpperCase()}`;
    case "regex":
      return `note ${filter.negated ? "!" : ""}~${filter.insensitive ? "*" : ""} '${filter.pattern}'`;
    case "flag":
      return "b";
    case "not":
      return `NOT (${filterSql(filter.of, write)})`;
    default:
      return filter.of.map((part) => `(${filterSql(part, write)})`).join(filter.kind === "and" ? " AND " : " OR ");
  }
}

/** Whether a regular expression is part of it. */
export function hasRegex(filter: Filter): boolean {
  switch (filter.kind) {
    case "regex":
      return true;
    case "case":
      return hasRegex(filter.when);
    case "truth":
    case "not":
      return hasRegex(filter.of);
    case "and":
    case "or":
      return filter.of.some(hasRegex);
    default:
      return false;
  }
}

type Truth = boolean | null;

/** NULL is neither true nor false. */
export function evaluate(filter: Filter, row: ModelRow): Truth {
  switch (filter.kind) {
    case "compare":
      return compare(row[filter.column], filter.op, filter.value);
    case "in":
      return negate(any(filter.list.map((value) => compare(row[filter.column], "=", value))), filter.negated);
    case "between": {
      const cell = row[filter.column];
      return negate(all([compare(cell, ">=", filter.low), compare(cell, "<=", filter.high)]), filter.negated);
    }
    case "isNull":
      return (row[filter.column] === null) !== filter.negated;
    case "distinct":
      // IS NOT DISTINCT FROM is the negated one.
      return (row[filter.column] !== filter.value) !== filter.negated;
    case "like": {
      const cell = row[filter.column];
      return cell === null ? null : negate(matches(cell, filter.pattern, filter.insensitive), filter.negated);
    }
    case "sum":
      return compare(row.n === null ? null : row.n + filter.plus, filter.op, row.id);
    case "remainder":
      return row.id % filter.by === filter.rest;
    case "coalesce":
      return compare(row.n ?? filter.instead, filter.op, filter.value);
    case "case":
      return (evaluate(filter.when, row) === true ? filter.result : filter.otherwise) === filter.value;
    case "length":
      return compare(row.note === null ? null : row.note.length, filter.op, filter.value);
    case "lower":
      return row.room.toLowerCase() === filter.value;
    case "truth":
      return (evaluate(filter.of, row) === filter.is) !== filter.negated;
    case "regex": {
      if (row.note === null) return null;
      return new RegExp(filter.pattern, filter.insensitive ? "i" : "").test(row.note) !== filter.negated;
    }
    case "flag":
      return row.b;
    case "not":
      return negate(evaluate(filter.of, row), true);
    case "and":
      return all(filter.of.map((part) => evaluate(part, row)));
    default:
      return any(filter.of.map((part) => evaluate(part, row)));
  }
}

function negate(truth: Truth, isNegated: boolean): Truth {
  return truth === null || !isNegated ? truth : !truth;
}

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(null) ? null : false;
}

function compare(left: ModelValue, op: CompareOp, right: ModelValue): Truth {
  if (left === null || right === null) return null;
  switch (op) {
    case "=":
      return left === right;
    case "<>":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    default:
      return left >= right;
  }
}

/** `%` any text, `_` one character, a backslash takes the next one as it is. */
function matches(text: string, pattern: string, insensitive: boolean): boolean {
  let source = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? "";
    if (character === "%") source += "[^]*";
    else if (character === "_") source += "[^]";
    else {
      if (character === "\\") at += 1;
      source += (pattern[at] ?? "").replace(/[^a-z0-9]/gi, "\\$&");
    }
  }
  return new RegExp(`^${source}$`, insensitive ? "i" : "").test(text);
}
