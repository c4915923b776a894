// Altered tables and the commits between them, in order. Many groups are planned again in slices, so that the event loop goes on; until the last of them has been, what is
// committed waits here undispatched, and so no change meets a plan of another version. To everyone else that is a store whose commits are not dispatched yet.
import { DbError } from "../base/errors.ts";
import type { TableId } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import { type AlterationDeps, affectedGroups, renewGroup } from "./alteration.ts";
import type { Dispatcher, LiveCommit } from "./dispatcher.ts";
import type { Group } from "./group.ts";
import type { LiveLimits } from "./limits.ts";
import type { Subscription } from "./subscription.ts";

export interface AlterationsDeps extends AlterationDeps {
  readonly dispatcher: Pick<Dispatcher, "hold" | "release">;
  readonly deliver: (commit: LiveCommit) => void;
  /** Resolves when the event loop has time for more; undefined: at once. */
  readonly turn: () => Promise<void> | undefined;
  readonly limits: Pick<LiveLimits, "alteredAtOnce" | "undispatchedChanges">;
}

type Waiting =
  | { readonly kind: "commit"; readonly commit: LiveCommit }
  | { readonly kind: "altered"; readonly table: TableSchema };

export class Alterations {
  readonly #deps: AlterationsDeps;
  #waiting: Waiting[] = [];
  #waitingChanges = 0;
  /** Groups yet to be planned for the table that is being altered; undefined: none is. */
  #rest: { readonly table: TableSchema; readonly groups: readonly Group<Subscription>[]; next: number } | undefined;
  /** Tables that were altered again before all groups were planned for the version before. */
  readonly #ahead = new Set<TableId>();
  #isRunning = false;

  constructor(deps: AlterationsDeps) {
    this.#deps = deps;
  }

  commit(commit: LiveCommit): void {
    if (!this.#isRunning) {
      this.#deps.deliver(commit);
      return;
    }
    this.#waiting.push({ kind: "commit", commit });
    this.#waitingChanges += commit.changes.length;
    while (this.#isRunning && this.#waitingChanges > this.#deps.limits.undispatchedChanges) this.#step();
  }

  altered(table: TableSchema): void {
    if (this.#isRunning) {
      this.#waiting.push({ kind: "altered", table });
      return;
    }
    this.#begin(table);
    if (this.#rest === undefined) return;
    this.#isRunning = true;
    this.#deps.dispatcher.hold();
    void this.#run();
  }

  #begin(table: TableSchema): void {
    const groups = affectedGroups(table, this.#deps);
    this.#ahead.delete(table.id);
    this.#rest = { table, groups, next: 0 };
    if (groups.length <= this.#deps.limits.alteredAtOnce) this.#renewSome();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const turn = this.#deps.turn();
      if (turn !== undefined) await turn;
      this.#step();
    }
  }

  #step(): void {
    if (this.#rest !== undefined) this.#renewSome();
    else this.#takeNext();
    if (this.#rest !== undefined || this.#waiting.length > 0 || !this.#isRunning) return;
    this.#isRunning = false;
    this.#deps.dispatcher.release();
  }

  #renewSome(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    const end = Math.min(rest.next + this.#deps.limits.alteredAtOnce, rest.groups.length);
    for (; rest.next < end; rest.next++) {
      const group = rest.groups[rest.next];
      if (group === undefined || group.size === 0) continue;
      renewGroup(group, this.#deps);
      const own = group.plan.table;
      if (own.id === rest.table.id && own.version > rest.table.version) this.#ahead.add(own.id);
    }
    if (end === rest.groups.length) this.#rest = undefined;
  }

  #takeNext(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (next.kind === "altered") {
      this.#begin(next.table);
      return;
    }
    this.#waitingChanges -= next.commit.changes.length;
    if (this.#ahead.size > 0) this.#endThoseAhead(next.commit);
    this.#deps.deliver(next.commit);
  }

  /** Who was planned for a later version than a change has cannot say what the change means: its client comes back with its cursor. */
  #endThoseAhead({ changes }: LiveCommit): void {
    const tables = new Map(changes.map(({ table }) => [table.id, table]));
    for (const { id, version } of tables.values()) {
      if (!this.#ahead.has(id)) continue;
      for (const group of this.#deps.registry.groupsOfTable(id)) {
        if (group.plan.table.id !== id || group.plan.table.version === version) continue;
        const error = new DbError("SUBSCRIPTION_FAILED", "The table was altered twice; subscribe again", {
          retryAfterMs: 0,
        });
        for (const subscription of group.subscribers()) this.#deps.fail(subscription, error);
      }
    }
  }
}
