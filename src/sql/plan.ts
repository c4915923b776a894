// What the planner hands to the engine. A plan is immutable, holds no values of a particular call, and may be shared by every user
// of the same role class: the values come in through its slots.
import type { SelectStmt } from "libpg-query";
import type { Name, Seq } from "../base/ids.ts";
import type { OutputColumn, TableSchema } from "../model/schema.ts";
import type { Cell, SqlType } from "../model/sql-type.ts";
import type { ViewSchema } from "../model/view.ts";

/** The value of such a slot may not be negative. */
export type RowCountClause = "LIMIT" | "OFFSET";

/** Where a value bound to a plan comes from. `column` is the column a value is stored into, for messages. */
export type Slot =
  /** `$n` of the client, 0-based. `type` is what the context asks for. */
  | {
      readonly kind: "parameter";
      readonly index: number;
      /** Of a list: which of its values, its last where it has fewer. */
      readonly element?: number;
      readonly type: SqlType;
      /** A decimal with more fraction digits than its type is an error: rounding would make `x > $1` another question. */
      readonly exact?: true;
      readonly clause?: RowCountClause;
      readonly column?: string;
    }
  /** A literal lifted out of the text so that repeats with other literals share the plan. `negated`: a minus sign belongs to it. */
  | {
      readonly kind: "literal";
      readonly index: number;
      readonly type: SqlType;
      readonly negated?: boolean;
      readonly clause?: RowCountClause;
      readonly column?: string;
    }
  /** How many values the list `$n` has. */
  | { readonly kind: "listLength"; readonly index: number; readonly type: SqlType }
  | { readonly kind: "user"; readonly type: SqlType }
  | { readonly kind: "role"; readonly type: SqlType }
  /** The statement's time, µs. Every NOW() of a statement is the same instant. */
  | { readonly kind: "now"; readonly type: SqlType }
  /** Rows of a system view as a JSON array of arrays (SQLite forms), supplied by the engine. */
  | { readonly kind: "viewRows"; readonly view: string; readonly type: SqlType }
  /** Bounds of a live query's snapshot: `_seq` > afterSeq and <= upToSeq, at most `limit` rows. */
  | { readonly kind: "afterSeq" | "upToSeq" | "limit"; readonly type: SqlType };

/** A condition on one column that every row the query can use satisfies. `column` counts the table's columns, then `_seq`. */
export type ScanTerm =
  | { readonly kind: "in"; readonly column: number; readonly values: readonly ValueSource[] }
  | {
      readonly kind: "compare";
      readonly column: number;
      readonly op: "<" | "<=" | ">" | ">=";
      readonly value: ValueSource;
    }
  | { readonly kind: "isNull"; readonly column: number; readonly negated: boolean };

/** The query can use no rows but the first `limit` after `offset` others, by this column. Others of the same value may be among them. */
export interface TopRows {
  readonly column: number;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
  readonly limit: ValueSource;
  readonly offset: ValueSource | undefined;
}

/** What of a table a query can need. A relation may leave out the rest: other columns, and rows that a term or `top` rules out. */
export interface RelationRead {
  /** Places of the columns that the text names, ascending: the table's, then `_seq`, then `_deleted`. */
  readonly columns: readonly number[];
  readonly terms: readonly ScanTerm[];
  /** Only where the terms are the whole condition. */
  readonly top: TopRows | undefined;
}

/**
 * A table as a query may reach it. A USER table exists here only together with the slot that holds the reader's id: there is no way to
 * print its rows unscoped.
 */
export type RelationUse =
  | {
      readonly kind: "userTable";
      readonly schema: TableSchema;
      /** Index into the plan's slots; its kind is "user". */
      readonly scopeSlot: number;
      /** True when the query mentions `_deleted`: tombstones are part of the relation. */
      readonly includeDeleted: boolean;
      /** Undefined: any row and column. */
      readonly read?: RelationRead;
    }
  | {
      readonly kind: "sharedTable";
      readonly schema: TableSchema;
      readonly includeDeleted: boolean;
      readonly read?: RelationRead;
    }
  | {
      readonly kind: "systemView";
      readonly view: string;
      readonly columns: readonly OutputColumn[];
      readonly rowsSlot: number;
    };

/** SQLite text with holes: a number is the place of `relations[n]`, to be replaced by a parenthesised sub-select. */
export type SqlText = readonly (string | number)[];

/**
 * `point`: one table, its key bound by equality (or a short IN list) whose values are the given slots/constants; bounded work, fit for the main thread.
 * `scan`: everything else; runs in a query process.
 */
export type Strategy = { readonly kind: "point"; readonly keys: readonly ValueSource[] } | { readonly kind: "scan" };

export type ValueSource =
  | { readonly kind: "slot"; readonly slot: number }
  | { readonly kind: "constant"; readonly value: Cell };

/**
 * A SELECT. Inside a hole's sub-select the columns are named `c<column id>`, then `_seq` and `_deleted` (for a table), or `v0, v1, …` (for a view).
 * Slots are bound as `?1, ?2, …` in order. Wide output columns are cast to TEXT by the text itself.
 */
export interface QueryPlan {
  readonly kind: "query";
  readonly sql: SqlText;
  readonly slots: readonly Slot[];
  readonly relations: readonly RelationUse[];
  readonly output: readonly OutputColumn[];
  readonly strategy: Strategy;
  /** Says the same as `sql` of the one relation. */
  readonly summary?: SummaryText;
}

/** What a summary of some rows says of a column: how many values it has, their sum, or the least or greatest. */
export interface SummaryColumn {
  readonly kind: "count" | "sum" | "min" | "max";
  /** Counts the table's columns. */
  readonly column: number;
}

/**
 * A query over summaries of parts of the table's live rows that satisfy the terms of its relation: in the hole, `n` is the number of rows of a part and
 * `s0, s1, …` are the columns.
 */
export interface SummaryText {
  readonly sql: SqlText;
  readonly columns: readonly SummaryColumn[];
  /** All rows of a part have one value in these columns, which the hole has under their own names. */
  readonly groups: readonly number[];
  /** The terms as a condition over bare column names, for parts that are one row each. */
  readonly where: string | undefined;
}

/** The values a closure may ask for besides the row. Index = slot. */
export type SlotValues = readonly Cell[];

/** Evaluates an expression over one row (cells in schema order, then `_seq`, then `_deleted`). Pure but for generators. */
export type Evaluate = (row: readonly Cell[], slots: SlotValues) => Cell;

export interface Returning {
  readonly output: readonly OutputColumn[];
  readonly values: readonly Evaluate[];
}

export interface InsertPlan {
  readonly kind: "insert";
  readonly table: TableSchema;
  readonly slots: readonly Slot[];
  /** Positions in `table.columns` that the source gives, in order; the rest take their defaults. */
  readonly columns: readonly number[];
  readonly source: /** An undefined entry is DEFAULT. */
    | { readonly kind: "values"; readonly rows: readonly (readonly (Evaluate | undefined)[])[] }
    /** The query has slots of its own. */
    | { readonly kind: "query"; readonly query: QueryPlan };
  readonly onConflict: OnConflict | undefined;
  readonly returning: Returning | undefined;
}

/** The arbiter is always the primary key. For `update`, the row given to closures is the existing row followed by the excluded one. */
export type OnConflict =
  | { readonly kind: "nothing" }
  | {
      readonly kind: "update";
      readonly assignments: readonly Assignment[];
      readonly where: Evaluate | undefined;
    };

export interface Assignment {
  /** Position in `table.columns`. */
  readonly column: number;
  readonly value: Evaluate;
}

/**
 * UPDATE and DELETE first find their rows with a query. Its output is `_seq`, then every column of the table in creation order, then (UPDATE) one
 * value for each entry of `assigned`; all read as plain cells.
 */
export interface UpdatePlan {
  readonly kind: "update";
  readonly table: TableSchema;
  readonly find: QueryPlan;
  /** Positions in `table.columns` that are assigned, matching the extra outputs of `find`. */
  readonly assigned: readonly number[];
  readonly returning: Returning | undefined;
  readonly slots: readonly Slot[];
}

export interface DeletePlan {
  readonly kind: "delete";
  readonly table: TableSchema;
  readonly find: QueryPlan;
  readonly returning: Returning | undefined;
  readonly slots: readonly Slot[];
}

export type WritePlan = InsertPlan | UpdatePlan | DeletePlan;
export type DataPlan = QueryPlan | WritePlan;

/** A comparison of one column with one value, split off a conjunction so that changes can be routed by an index. */
export type IndexTerm =
  | { readonly kind: "equal"; readonly column: number; readonly values: readonly ValueSource[] }
  | {
      readonly kind: "range";
      readonly column: number;
      readonly low: ValueSource | undefined;
      readonly lowInclusive: boolean;
      readonly high: ValueSource | undefined;
      readonly highInclusive: boolean;
    }
  | { readonly kind: "null"; readonly column: number }
  | { readonly kind: "notNull"; readonly column: number }
  /** LIKE, or ILIKE (`foldsCase`), on a column of text; without an escape it is `\\`. */
  | {
      readonly kind: "like";
      readonly column: number;
      readonly pattern: ValueSource;
      readonly escape: ValueSource | undefined;
      readonly foldsCase: boolean;
    }
  /** The column's text begins with the value. */
  | { readonly kind: "prefix"; readonly column: number; readonly prefix: ValueSource }
  /** Every term of at least one arm holds. */
  | { readonly kind: "any"; readonly arms: readonly (readonly IndexTerm[])[] };

/** How the rows of a live query are kept right. `why` names what keeps it from being a filter. */
export type LiveStrategy =
  /** The predicate decides on old and new row at once. */
  | { readonly kind: "filter" }
  /**
   * The predicate looks at one row, but its time has no bound: changed rows are put to a query process. `match` makes the query for a number of
   * versions: slots are the plan's, then for each version its columns, `_seq` and `_deleted`; output: the places (from 0) of those that match.
   */
  | { readonly kind: "matchRows"; readonly why: string; readonly match: (versions: number) => QueryPlan }
  /** The predicate reads other rows: the whole query runs again after every change of a table it reads. */
  | { readonly kind: "rerun"; readonly why: string };

/** A subscribed SELECT over one table. */
export interface LivePlan {
  readonly kind: "live";
  readonly table: TableSchema;
  readonly slots: readonly Slot[];
  readonly strategy: LiveStrategy;
  /** Of a filter: true for every row when undefined. Undefined for the other strategies. */
  readonly predicate: Evaluate | undefined;
  /** Terms that every matching row must satisfy; a router may use any of them. None for a query that is run again. */
  readonly terms: readonly IndexTerm[];
  /** Positions in `table.columns`, in output order; `_seq` and `_deleted` follow when `wholeRow`. */
  readonly projection: readonly number[];
  readonly wholeRow: boolean;
  /** Every view it reads, `namespace.name`, through others too, and when it got the text that was planned. */
  readonly views: readonly { readonly name: string; readonly definedAtSeq: Seq | undefined }[];
  /** Ids of the columns that the list or the filter names: without one of them the statement means nothing. */
  readonly namedColumns: readonly number[];
  readonly output: readonly OutputColumn[];
  /** Equal for statements that mean the same apart from slot values; together with those values and the scope it names a shape. */
  readonly shape: string;
  /**
   * Output: `_seq`, `_deleted`, every column; matching live rows in `_seq` order within the bounds. Slots: this plan's, then the bounds. Its relations
   * are every table the query reads.
   */
  readonly snapshot: QueryPlan;
  /** The newest `limit` matching rows, newest first. */
  readonly lastRows: QueryPlan;
  /** Output: `_seq` of the oldest of the newest matching rows, none when there are fewer. Slots: this plan's, then how many rows before it. */
  readonly lastRowsStart: QueryPlan;
  /** Every version (tombstones included, predicate not applied) with `_seq` in the bounds, in `_seq` order. */
  readonly history: QueryPlan;
}

export interface BindContext {
  readonly namespace: Name;
  readonly findRelation: (namespace: string, name: string) => TableSchema | SystemViewInfo | ViewInfo | undefined;
  readonly hasNamespace: (namespace: string) => boolean;
  /** What a mistyped name may have meant: some relations of a namespace, some namespaces. For hints only. */
  readonly relationsLike: (namespace: string) => Iterable<string>;
  readonly namespaces: () => Iterable<string>;
}

export interface SystemViewInfo {
  readonly kind: "systemView";
  readonly view: string;
  readonly columns: readonly OutputColumn[];
}

/** A view that a user made. */
export interface ViewInfo {
  readonly kind: "view";
  readonly schema: ViewSchema;
  /** Of its text. */
  readonly select: () => SelectStmt;
}
