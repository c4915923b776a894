// What keeps a group's rows right where its predicate cannot decide in the tick of the commit. The work is done elsewhere (query processes), so such a group is behind
// the dispatcher for a while; `reached` says how far it has come.
import type { Seq } from "../base/ids.ts";
import type { RoutedChange } from "./membership.ts";

export interface Upkeep {
  /** False: what loading subscribers miss is found by comparing results, and is not held for them. */
  readonly holdsChanges: boolean;
  /** Since when the oldest change has waited to be decided, monotonic; undefined when nothing waits. */
  readonly waitingSinceMs: number | undefined;
  /** A change of a table the query reads; `committed` follows when all of the commit are there. */
  changed(change: RoutedChange): void;
  committed(position: Seq): void;
  /** Everything up to here has been delivered, given that all up to `dispatched` was reported. */
  reached(dispatched: Seq): Seq;
  /** False when a table was altered and what is kept or awaited means nothing any more; `isLaidOutAlike`: the rows of the query are as they were. */
  survives(isLaidOutAlike: boolean): boolean;
  /** The group is gone. */
  close(): void;
}
