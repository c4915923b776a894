// What one change of a table means to one filter: the row enters, changes, leaves, or is none of its business.
import { assert } from "../base/errors.ts";
import { type Change, evaluationRow, type RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";

export interface Filter {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
}

/** A change with its rows laid out as predicates read them: cells, then `_seq`, then `_deleted`. */
export interface RoutedChange {
  readonly change: Change;
  /** Undefined: there was no row. */
  readonly beforeRow: readonly Cell[] | undefined;
  /** Undefined: the row was deleted. */
  readonly afterRow: readonly Cell[] | undefined;
}

export function toRoutedChange(change: Change): RoutedChange {
  return {
    change,
    beforeRow: change.before === undefined ? undefined : evaluationRow(change.before),
    afterRow: change.after.deleted ? undefined : evaluationRow(change.after),
  };
}

/** Of a filter. NULL is not a match. Throws what the predicate throws. */
export function matches({ plan, slots }: Filter, row: readonly Cell[]): boolean {
  assert(plan.strategy.kind === "filter", "only a filter is decided here");
  return plan.predicate === undefined || plan.predicate(row, slots) === true;
}

export function toRowChange(filter: Filter, { change, beforeRow, afterRow }: RoutedChange): RowChange | undefined {
  const wasMember = beforeRow !== undefined && matches(filter, beforeRow);
  const isMember = afterRow !== undefined && matches(filter, afterRow);
  return changeOf(change, { wasMember, isMember });
}

export function changeOf(
  { before, after }: Change,
  { wasMember, isMember }: { readonly wasMember: boolean; readonly isMember: boolean },
): RowChange | undefined {
  if (before !== undefined && wasMember) {
    return isMember ? { kind: "update", before, after } : { kind: "delete", seq: after.seq, before };
  }
  return isMember ? { kind: "insert", after } : undefined;
}

/** A version read from history, for a client that may or may not hold an older one. */
export function toReplayedChange(version: RowVersion, isMember: boolean): RowChange {
  return isMember ? { kind: "insert", after: version } : { kind: "delete", seq: version.seq, before: version };
}
