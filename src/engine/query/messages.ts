// What the main thread and a query process say to each other. Both are this program, so nothing here is validated; nothing a client sent arrives except as
// a bound value.
import type { ErrorCode } from "../../base/errors.ts";
import type { Scope, Seq } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell, SqliteValue, SqlType } from "../../model/sql-type.ts";
import type { SqlText, SummaryText } from "../../sql/plan.ts";
import type { ColumnCondition } from "../../storage/cold/column-condition.ts";
import type { ScanOutcome } from "../../storage/cold/scope-scan.ts";
import type { TopOrder } from "../../storage/cold/top-cut.ts";
import type { StorageAccess } from "../../storage/objects/storage-access.ts";

/** The first message to a new process. */
export interface OpenMessage {
  readonly kind: "open";
  readonly databasePath: string;
  readonly storageDir: string;
  /** Undefined: there is no storage but the folder. */
  readonly storages: StorageAccess | undefined;
  /** Address space SQLite and the rest may take beyond what the runtime reserved at its start. */
  readonly memoryLimitBytes: number;
  /** Flushed rows kept decoded between queries. */
  readonly coldCacheBytes: number;
  /** Whether it rehearses while it is asked nothing. */
  readonly warmsUp: boolean;
  readonly parentPid: number;
  /** Of the ids that SNOWFLAKE_ID() makes there; no other process that runs has it. */
  readonly node: number;
}

/** What fills one hole of the text. */
export type QueryRelation =
  | {
      readonly kind: "table";
      readonly schema: TableSchema;
      readonly scope: Scope;
      /** Number of the parameter that holds the scope (`?n`); undefined for a SHARED table. */
      readonly scopeParameter: number | undefined;
      readonly includeDeleted: boolean;
      /** Whether the table may have another definition by now than `schema`. */
      readonly isAnyVersion?: boolean;
      /** The only keys the query can need; undefined: any. */
      readonly keys: readonly Cell[] | undefined;
      /** Number of the parameter with rows that take the place of those of the same key: cells in schema order, `_seq`, `_deleted`. */
      readonly ownParameter?: number;
      /** The only columns the text names: the table's by place, then `_seq`, then `_deleted`; undefined: any. */
      readonly places: readonly number[] | undefined;
      /** Every row the query can use satisfies these. */
      readonly conditions: readonly ColumnCondition[];
      /** The only rows it can use, among those that satisfy the conditions. */
      readonly top: TopOrder | undefined;
    }
  | {
      /** Rows of a STREAM table, which only the main thread has: a JSON array of arrays, cells in schema order and then `_seq`. */
      readonly kind: "stream";
      readonly schema: TableSchema;
      /** Number of the parameter that holds them. */
      readonly rowsParameter: number;
    }
  | {
      readonly kind: "view";
      readonly columns: number;
      /** Number of the parameter that holds the rows, a JSON array of arrays. */
      readonly rowsParameter: number;
    };

/** "plan": no rows, only what statistics leave of the flushed ones to be read. */
export type ResultFormat = "json" | "cells" | "plan";

export interface QueryRequest {
  readonly sql: SqlText;
  readonly values: readonly SqliteValue[];
  readonly relations: readonly QueryRelation[];
  readonly output: readonly SqlType[];
  readonly format: ResultFormat;
  /** Says the same of the one relation. */
  readonly summary?: SummaryText;
  /** Of cells: rows beyond it are counted only. */
  readonly maxRows?: number;
}

export interface RunMessage extends QueryRequest {
  readonly kind: "run";
  readonly id: number;
  readonly maxResultBytes: number;
}

/** Forget what is kept of flushed rows; what a query is using goes when it ends. */
export interface ClearMessage {
  readonly kind: "clear";
}

/** What was kept of flushed rows. */
export interface ColdCacheCounts {
  /** Footers, columns of row groups, and filters of keys. */
  readonly columns: number;
  /** Temporary tables. */
  readonly tables: number;
}

export interface QueryFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly position: number | undefined;
  readonly hint: string | undefined;
}

export type ProcessMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "json"; readonly id: number; readonly text: string }
  | { readonly kind: "cells"; readonly id: number; readonly rows: readonly (readonly Cell[])[] }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly rowCount: number;
      readonly position: Seq;
      readonly reads: readonly ColdRead[];
    }
  /** A table has another definition than the plan was made for. */
  | { readonly kind: "outdated"; readonly id: number }
  | ({ readonly kind: "cleared" } & ColdCacheCounts)
  | { readonly kind: "failed"; readonly id: number; readonly failure: QueryFailure };

export interface QueryResult {
  /** `[[…],[…]]`, cells as the wire encodes them; empty text when the format is "cells". */
  readonly json: string;
  /** Empty when the format is "json". */
  readonly rows: readonly (readonly Cell[])[];
  readonly rowCount: number;
  /** Last committed position in the snapshot the rows were read from. */
  readonly position: Seq;
  readonly reads: readonly ColdRead[];
}

/** How the flushed rows of one table were had. */
export interface ColdRead extends ScanOutcome {
  readonly table: string;
  /** What was made of them: their rows; or counts, sums and extremes of their columns; or nothing, as metadata of the files says it all. */
  readonly by: "rows" | "columns" | "metadata";
  /** Loaded by an earlier query of the process: nothing was read for this one. */
  readonly isCached: boolean;
  /** Names of the buffer's indexes that the query uses; only of the format "plan". */
  readonly indexes?: readonly string[];
}
