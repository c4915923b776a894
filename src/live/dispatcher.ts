// From a commit to the groups it concerns. Synchronous: when `dispatch` returns, every live subscriber has been sent its frames, and every
// loading one has them held.
import { DbError } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Change } from "../model/change.ts";
import type { Group, TableRead } from "./group.ts";
import { type RoutedChange, toRoutedChange, toRowChange } from "./membership.ts";
import type { RowSource } from "./ports.ts";
import type { Registry } from "./registry.ts";
import type { Subscription } from "./subscription.ts";

export interface LiveCommit {
  readonly position: Seq;
  readonly changes: readonly Change[];
  /** Of these scopes every row from before is gone, without a change for each. */
  readonly emptied?: readonly TableRead[];
}

export interface DispatcherDeps {
  readonly registry: Registry;
  readonly source: RowSource;
  readonly fail: (subscription: Subscription, error: unknown) => void;
}

export class Dispatcher {
  readonly #deps: DispatcherDeps;
  #position: Seq;
  #isHeld = false;
  #commits = 0;
  #groupsVisited = 0;

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#position = deps.source.position();
  }

  get commits(): number {
    return this.#commits;
  }

  /** Times a group was asked whether a change concerns it. */
  get groupsVisited(): number {
    return this.#groupsVisited;
  }

  /** Commits will wait: until `release`, only what is dispatched counts. */
  hold(): void {
    this.#position = this.dispatched();
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.settle();
  }

  /** Every commit up to here has been dispatched. Commits without row changes may move the source alone. */
  dispatched(): Seq {
    if (this.#isHeld) return this.#position;
    const position = this.#deps.source.position();
    return position > this.#position ? position : this.#position;
  }

  dispatch({ position, changes, emptied = [] }: LiveCommit): void {
    const touched = new Set<Group<Subscription>>();
    for (const change of changes) this.#tryRoute(change, touched);
    for (const scope of emptied) this.#empty(scope, touched);
    this.#commits += 1;
    this.#position = position;
    for (const group of touched) this.#guard(group, () => group.committed(position));
    this.settle();
  }

  progress(): void {
    this.settle();
    const position = this.dispatched();
    for (const group of this.#deps.registry.groups()) {
      this.#guard(group, () => group.publishProgress(group.reached(position)));
    }
  }

  /** Whose change cannot be looked up has missed it: better an end, after which clients begin anew, than a hole. */
  #tryRoute(change: Change, touched: Set<Group<Subscription>>): void {
    try {
      this.#route(change, touched);
    } catch (error) {
      for (const group of this.#deps.registry.groupsOfTable(change.table.id)) this.#failGroup(group, error);
    }
  }

  #route(change: Change, touched: Set<Group<Subscription>>): void {
    const router = this.#deps.registry.router(change.table.id, change.scope);
    if (router === undefined) return;
    const routed = toRoutedChange(change);
    const candidates = new Set<Group<Subscription>>();
    if (routed.beforeRow !== undefined) router.collect(routed.beforeRow, candidates);
    if (routed.afterRow !== undefined) router.collect(routed.afterRow, candidates);
    for (const group of candidates) this.#guard(group, () => this.#match(group, routed, touched));
  }

  /** What is run again finds out which of its rows ended; clients of the rest subscribe again, and with a cursor from before the scope's history begin anew. */
  #empty(scope: TableRead, touched: Set<Group<Subscription>>): void {
    for (const group of this.#deps.registry.groupsOfTable(scope.table)) {
      if (!group.reads.some((read) => read.table === scope.table && read.scope === scope.scope)) continue;
      if (group.plan.strategy.kind === "rerun") touched.add(group);
      else this.#failGroup(group, truncated());
    }
  }

  #match(group: Group<Subscription>, routed: RoutedChange, touched: Set<Group<Subscription>>): void {
    this.#groupsVisited += 1;
    if (!this.#isPlannedFor(group, routed.change)) return;
    if (group.upkeep !== undefined) {
      group.upkeep.changed(routed);
      touched.add(group);
      return;
    }
    const change = toRowChange(group, routed);
    if (change === undefined) return;
    group.collect(change);
    touched.add(group);
  }

  /** L17. False: the group is planned for a version whose changes are still to come, and nobody of it has begun. */
  #isPlannedFor({ plan }: Group<Subscription>, { table }: Change): boolean {
    if (table.id !== plan.table.id || table.version === plan.table.version) return true;
    if (this.#isHeld && table.version < plan.table.version) return false;
    throw new DbError("SUBSCRIPTION_FAILED", "The table was altered; subscribe again", { retryAfterMs: 0 });
  }

  /** A predicate or an encoder that throws ends its group, and no other. */
  #guard(group: Group<Subscription>, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failGroup(group, error);
    }
  }

  #failGroup(group: Group<Subscription>, error: unknown): void {
    for (const subscription of group.subscribers()) this.#deps.fail(subscription, error);
  }

  /** Whoever waits for a position that is reached by now goes on. */
  settle(): void {
    for (const subscription of this.#deps.registry.settling) {
      try {
        subscription.dispatchReached();
      } catch (error) {
        this.#deps.fail(subscription, error);
      }
    }
  }
}

function truncated(): DbError {
  return new DbError("SUBSCRIPTION_FAILED", "The table was truncated; subscribe again", { retryAfterMs: 0 });
}
