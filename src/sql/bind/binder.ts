// The parts of the binder as each other see them. They are mutually recursive (an expression holds a query holds expressions); this interface is what
// keeps their files apart.
import type { Node, SelectStmt } from "libpg-query";
import type { SchemaFlag } from "../../model/schema.ts";
import type { SqlType } from "../../model/sql-type.ts";
import type { Expr } from "../expression.ts";
import type { ValueSource } from "../plan.ts";
import type { Operand } from "./operand.ts";
import type { Scope } from "./scope.ts";
import type { BindSession } from "./session.ts";

/** Where an expression stands: what the text calls it in errors, and what may appear in it. */
export type Clause =
  | "SELECT"
  | "WHERE"
  | "FROM"
  | "JOIN/ON"
  | "GROUP BY"
  | "HAVING"
  | "ORDER BY"
  | "LIMIT"
  | "FILTER"
  | "VALUES"
  | "UPDATE"
  | "RETURNING"
  | "DEFAULT"
  | "aggregate"
  | "window";

/** What binding a SELECT's expressions finds out about it. */
export interface QueryTraits {
  hasAggregates: boolean;
  hasWindows: boolean;
  /** Named windows of the WINDOW clause. */
  readonly windows: ReadonlyMap<string, Node>;
}

export interface ExprContext {
  readonly scope: Scope;
  readonly clause: Clause;
  /** Undefined outside a SELECT. */
  readonly traits: QueryTraits | undefined;
  /** Common table expressions that sub-queries here may name. */
  readonly ctes: CteScope | undefined;
}

/** A common table expression, by its name in the text. */
export interface Cte {
  readonly name: string;
  readonly sqlName: string;
  readonly columns: readonly QueryColumn[];
}

export interface CteScope {
  readonly cte: Cte;
  readonly next: CteScope | undefined;
}

export interface QueryEnv {
  readonly ctes: CteScope | undefined;
  readonly outer: Scope | undefined;
  /** Collects columns of enclosing queries that the query uses. */
  readonly captured: Expr[];
  /** The statement's own SELECT, whose rows the client sees. */
  readonly topLevel: boolean;
  /** `*` leaves out `_seq` and `_deleted`: for INSERT … SELECT. */
  readonly userColumnsOnly: boolean;
}

export interface QueryColumn {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly flags: readonly SchemaFlag[];
}

export type RenderArg = (expr: Expr) => string;

/** A query that may be had from summaries of parts of a table's rows. */
export interface SummarizedQuery {
  readonly relation: number;
  readonly where: Expr | undefined;
  readonly keys: readonly Expr[];
}

/** A query whose output types are settled. Its columns are named `o0, o1, …` in SQLite. */
export interface BoundQuery {
  readonly columns: readonly QueryColumn[];
  readonly render: (renderArg: RenderArg) => string;
  /** At most one row, whatever the data. */
  readonly singleRow: boolean;
  /** `select` and `set` (UNION and its kin) may be operands of a set operation as they are; `closed` text has an order, a limit or a WITH. */
  readonly shape: "select" | "set" | "closed";
  /** Made of groups of the rows of one table. */
  readonly summarized?: SummarizedQuery | undefined;
  /** The key values that bound the rows of a SELECT from one table. */
  readonly point: readonly ValueSource[] | undefined;
}

/** A query whose untyped outputs may still take a type from the context. */
export interface OpenQuery {
  readonly names: readonly string[];
  readonly operands: readonly Operand[];
  /** `types`: one for each output, which must be castable to it. */
  close(types: readonly SqlType[]): BoundQuery;
}

export interface Binder {
  readonly session: BindSession;
  readonly expr: (node: Node, context: ExprContext) => Operand;
  readonly query: (select: SelectStmt, env: QueryEnv) => OpenQuery;
}
