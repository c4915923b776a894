// What decides whether a live query was told the right things. One for each way a query is kept right.
import type { Coverage } from "./coverage.ts";
import type { Membership } from "./membership.ts";
import type { Space, Wrong } from "./model.ts";
import type { Alters } from "./moving-column.ts";
import type { ColumnName } from "./row.ts";
import type { Seen, SeenRow } from "./seen.ts";
import type { Family, MovingColumn, Watch } from "./step.ts";
import type { View } from "./views.ts";

export interface WatcherOptions {
  readonly id: string;
  readonly user: string;
  readonly family: Family;
  readonly watch: Watch;
  readonly space: Space;
  /** What its sub-query reads. */
  readonly inner: Space;
  /** Of a `from` start: where the client says it is. */
  readonly from: bigint | undefined;
  readonly coverage: Coverage;
  readonly alters: Alters;
  /** What it reads, unless it reads the table itself. */
  readonly view: View | undefined;
  /** The column that comes and goes, by the name it is called by in this query. */
  readonly moving: MovingColumn | undefined;
}

export interface JudgeOptions extends WatcherOptions {
  readonly columns: readonly ColumnName[];
  readonly membership: Membership;
  readonly wrong: (text: string) => Wrong;
  /** Of what ended up to here no history tells. */
  readonly keptUpTo: () => bigint;
}

export interface Judge {
  /** Throws when it is wrong; every commit up to `known` is in the model. */
  take(seen: Seen, known: bigint): void;
  /** What is still missing or wrong, in words; undefined when the rows are those of the model. */
  difference(known: bigint): string | undefined;
  /** Its subscription is live and it has received all of it: whatever was to be replayed has been. */
  settle(): void;
  /** Against the rows of a SELECT of the same text. */
  compareWith(rows: readonly SeenRow[]): string | undefined;
}

/**
 * A client of the older protocol cannot be told to forget: it goes on showing what it has of a table that was dropped and created again, or that ended
 * with the server's process, or from before a column it names was there, until the key is heard of anew.
 */
export function mayKeep({ family, keptUpTo, coverage }: JudgeOptions, seq: bigint | undefined): boolean {
  if (family.startsWith("native") || seq === undefined || seq > keptUpTo()) return false;
  coverage.count("kept of a dropped table");
  return true;
}
