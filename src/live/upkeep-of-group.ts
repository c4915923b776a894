// Which upkeep a group gets, and what it is wired to.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { type Seq, SHARED_SCOPE, scopeOfUser, seqOf, type TableId, type UserId } from "../base/ids.ts";
import type { LivePlan, LiveStrategy } from "../sql/plan.ts";
import { tableAltered } from "./alteration.ts";
import type { Group, Subscriber, TableRead } from "./group.ts";
import type { LiveLimits } from "./limits.ts";
import type { RowSource } from "./ports.ts";
import { ReadGate } from "./read-gate.ts";
import { Rerun, type RowBudget } from "./rerun.ts";
import { RowMatching } from "./row-matching.ts";
import type { Upkeep } from "./upkeep.ts";

export interface UpkeepDeps<S extends Subscriber> {
  readonly source: RowSource;
  readonly clock: Clock;
  readonly limits: LiveLimits;
  readonly budget: RowBudget;
  readonly gate: ReadGate<Upkeep>;
  readonly observed: (position: Seq) => void;
  readonly settle: () => void;
  readonly fail: (group: Group<S>, error: unknown) => void;
}

/** What all groups share. */
export function upkeepBounds(limits: LiveLimits): { readonly budget: RowBudget; readonly gate: ReadGate<Upkeep> } {
  return {
    budget: { maxRows: limits.rerunRowsTotal, usedRows: 0 },
    gate: new ReadGate<Upkeep>({ concurrent: limits.upkeepAtOnce, isWritable: () => true }, undefined),
  };
}

/** Asks for the group's plan when it uses it: an ALTER may have made another. */
export function createUpkeep<S extends Subscriber>(
  group: Group<S>,
  user: UserId,
  deps: UpkeepDeps<S>,
): Upkeep | undefined {
  const { table, strategy } = group.plan;
  const { scope } = group;
  const { source, clock, limits, gate } = deps;
  const common = {
    clock,
    gate,
    deliver: group.deliver.bind(group),
    fail: (error: unknown) => deps.fail(group, error),
  };
  switch (strategy.kind) {
    case "filter":
      return undefined;
    case "matchRows":
      return new RowMatching({
        ...common,
        undecidedChanges: limits.undecidedChanges,
        match: (versions) => source.matching({ plan: group.plan, slots: group.slots, user, versions }),
        advanced: deps.settle,
      });
    default:
      return new Rerun({
        ...common,
        table,
        maxRows: limits.rerunRows,
        budget: deps.budget,
        read: async (limit) => {
          const { plan, slots } = group;
          const page = await source.snapshot({ plan, slots, scope, user, after: seqOf(0n), upTo: undefined, limit });
          deps.observed(page.position);
          if (source.isOutdated(plan)) throw tableAltered({ meansTheSame: true });
          return page;
        },
      });
  }
}

const NOTHING_ELSE: readonly TableRead[] = [];

/** The tables beside its own that a query which is run again reads. */
export function otherReadsOf(plan: LivePlan, user: UserId): readonly TableRead[] {
  if (plan.strategy.kind !== "rerun") return NOTHING_ELSE;
  const reads = new Map<TableId, TableRead>();
  for (const use of plan.snapshot.relations) {
    if (use.kind === "systemView" || use.schema.id === plan.table.id) continue;
    const scope = use.kind === "userTable" ? scopeOfUser(user) : SHARED_SCOPE;
    reads.set(use.schema.id, { table: use.schema.id, scope });
  }
  return [...reads.values()];
}

/** Their clients drop rows that are not above everything seen, and a row comes or goes here with another table's commit. */
export function notForPeers(strategy: LiveStrategy): DbError {
  const what = strategy.kind === "filter" ? "this query" : strategy.why;
  return new DbError("UNSUPPORTED", `${what} in a live query is not supported by version 1 of the protocol`, {
    hint: "Connect with ?protocol=kalam.v2, or subscribe to the rows and filter them in the client.",
  });
}
