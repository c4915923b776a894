// Where row versions live while they are not in Parquet: a partition for each table and scope, and in it the newest version of each key. SQLite keeps those of USER
// and SHARED tables, memory those of STREAM tables; the writer puts what both have in common (positions, changes, savepoints, counters) on top.
import type { Scope, Seq } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";

export interface ScanRange {
  /** Exclusive. */
  readonly after: Seq;
  readonly limit: number;
}

export interface RowBackend {
  /** In the columns of the table as it is given here. */
  get(table: TableSchema, scope: Scope, key: Cell): RowVersion | undefined;
  /** Replaces the key's version, which must be older. True when the key had none. */
  put(table: TableSchema, scope: Scope, version: RowVersion): boolean;
  /** Puts the version in place of its key's version of that `_seq`, which takes less looking than `get` and `put`. False, and nothing is done, when the key has no such version. */
  replace(table: TableSchema, scope: Scope, replaced: Seq, version: RowVersion): boolean;
  /** Forgets the key. False when it had no version. */
  delete(table: TableSchema, scope: Scope, key: Cell): boolean;
  /** Ascending by `_seq`, tombstones included. */
  scan(table: TableSchema, scope: Scope, range: ScanRange): RowVersion[];
  /** All of what `work` does, or, when it throws, nothing. May be nested. */
  batch<T>(work: () => T): T;
}
