// Typed, resolved expressions: what the binder makes of PostgreSQL's syntax tree. Two readers agree on their meaning: `render` (SQLite
// text) and `compile` (a JavaScript closure); a differential test holds them together.
import type { Cell, SqlType } from "../model/sql-type.ts";
import type { FunctionName } from "./functions/names.ts";

export type Expr = ScalarExpr | QueryExpr;

/** Every expression of this family can be compiled to JavaScript, given a row of one relation. */
export type ScalarExpr =
  | { readonly kind: "constant"; readonly type: SqlType; readonly value: Cell }
  /** `slot` indexes the plan's slots: a client parameter, a lifted literal, the user, the statement's time. */
  | { readonly kind: "slot"; readonly type: SqlType; readonly slot: number }
  /** `column` counts the relation's columns in creation order, then `_seq`, then `_deleted`. */
  | { readonly kind: "column"; readonly type: SqlType; readonly relation: number; readonly column: number }
  /** A registered function or operator, arguments already cast to one of its overloads. */
  | { readonly kind: "call"; readonly type: SqlType; readonly name: FunctionName; readonly args: readonly Expr[] }
  | { readonly kind: "cast"; readonly type: SqlType; readonly arg: Expr }
  | { readonly kind: "and" | "or"; readonly type: SqlType; readonly args: readonly Expr[] }
  | { readonly kind: "not"; readonly type: SqlType; readonly arg: Expr }
  | {
      readonly kind: "compare";
      readonly type: SqlType;
      readonly op: CompareOp;
      readonly left: Expr;
      readonly right: Expr;
    }
  /** IS [NOT] DISTINCT FROM: never NULL. */
  | {
      readonly kind: "distinct";
      readonly type: SqlType;
      readonly negated: boolean;
      readonly left: Expr;
      readonly right: Expr;
    }
  | { readonly kind: "isNull"; readonly type: SqlType; readonly negated: boolean; readonly arg: Expr }
  /** IS [NOT] TRUE / FALSE / UNKNOWN. */
  | {
      readonly kind: "isTruth";
      readonly type: SqlType;
      readonly negated: boolean;
      readonly truth: boolean | null;
      readonly arg: Expr;
    }
  | {
      readonly kind: "in";
      readonly type: SqlType;
      readonly negated: boolean;
      readonly arg: Expr;
      readonly list: readonly Expr[];
    }
  | {
      readonly kind: "case";
      readonly type: SqlType;
      readonly branches: readonly { readonly when: Expr; readonly result: Expr }[];
      readonly otherwise: Expr | undefined;
    }
  | { readonly kind: "coalesce"; readonly type: SqlType; readonly args: readonly Expr[] };

export type MergeKind = "count" | "sum" | "avg" | "min" | "max";

/** Both operands have the same type. */
export type CompareOp = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** Expressions that only a query can evaluate. `compile` refuses them by returning undefined. */
export type QueryExpr = {
  readonly kind: "query";
  readonly type: SqlType;
  /** `output`: one of the query's own, named again. */
  readonly form: "aggregate" | "window" | "subquery" | "output";
  /** What a walk over the tree has to look into: arguments, and the columns of enclosing queries that a sub-query reads. */
  readonly args: readonly Expr[];
  /** SQLite text with holes, made by the binder (sub-query, aggregate, window function, output reference). */
  readonly render: (renderArg: (expr: Expr) => string) => string;
  /** Of an aggregate that can be had from summaries of parts of the rows; `column` undefined: it counts the rows. */
  readonly merge?: { readonly kind: MergeKind; readonly column: Expr | undefined };
};
