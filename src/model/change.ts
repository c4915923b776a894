// A row version and what a commit did to one key. Everything after the commit (live queries, counters) works on changes alone.
import type { Scope, Seq } from "../base/ids.ts";
import type { TableSchema } from "./schema.ts";
import type { Cell } from "./sql-type.ts";

export interface RowVersion {
  readonly seq: Seq;
  /** A tombstone keeps the cells of the row it ended. */
  readonly deleted: boolean;
  /** In the order of the schema's columns. */
  readonly cells: readonly Cell[];
}

/** The row that a compiled expression is given: the columns, then `_seq`, then `_deleted`. */
export function evaluationRow({ cells, seq, deleted }: RowVersion): readonly Cell[] {
  return [...cells, seq, deleted];
}

export interface Change {
  readonly table: TableSchema;
  readonly scope: Scope;
  /** The live version that this change replaced; undefined when the key had none (or only a tombstone). */
  readonly before: RowVersion | undefined;
  readonly after: RowVersion;
}

export type ChangeKind = "insert" | "update" | "delete";
