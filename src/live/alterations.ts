// Altered tables and the commits between them, in order. Many groups are found, judged and planned again in slices, so that the event loop goes on; until the last of them has
// been, what is committed waits here undispatched, and so no change meets a plan of another version. To everyone else that is a store whose commits are not dispatched yet.
import { DbError } from "../base/errors.ts";
import type { TableId } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import { type AlterationDeps, judgeGroup, renewGroup } from "./alteration.ts";
import type { Dispatcher, LiveCommit } from "./dispatcher.ts";
import type { Group } from "./group.ts";
import type { LiveLimits } from "./limits.ts";
import type { Subscription } from "./subscription.ts";

export interface AlterationsDeps extends AlterationDeps {
  readonly dispatcher: Pick<Dispatcher, "hold" | "release">;
  readonly deliver: (commit: LiveCommit) => void;
  /** Resolves when the event loop has time for more; undefined: at once. */
  readonly turn: () => Promise<void> | undefined;
  readonly limits: Pick<LiveLimits, "judgedAtOnce" | "alteredAtOnce" | "undispatchedChanges">;
}

type Waiting =
  | { readonly kind: "commit"; readonly commit: LiveCommit }
  | { readonly kind: "altered"; readonly table: TableSchema };

/** A table that is being altered: first all groups are judged, then those it concerns are planned. */
interface Underway {
  readonly table: TableSchema;
  /** Of all groups there are, also those that come meanwhile. */
  readonly unjudged: Iterator<Group<Subscription>>;
  isJudged: boolean;
  readonly toPlan: Group<Subscription>[];
  /** Index of the next to plan. */
  next: number;
}

export class Alterations {
  readonly #deps: AlterationsDeps;
  #waiting: Waiting[] = [];
  #waitingChanges = 0;
  #underway: Underway | undefined;
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
    if (this.#underway === undefined) return;
    this.#isRunning = true;
    this.#deps.dispatcher.hold();
    void this.#run();
  }

  #begin(table: TableSchema): void {
    this.#ahead.delete(table.id);
    const unjudged = this.#deps.registry.groups()[Symbol.iterator]();
    const underway = { table, unjudged, isJudged: false, toPlan: [], next: 0 };
    this.#underway = underway;
    this.#judgeSome(underway);
    if (underway.isJudged && underway.toPlan.length <= this.#deps.limits.alteredAtOnce) this.#planSome(underway);
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      const turn = this.#deps.turn();
      if (turn !== undefined) await turn;
      this.#step();
    }
  }

  #step(): void {
    const underway = this.#underway;
    if (underway === undefined) this.#takeNext();
    else if (underway.isJudged) this.#planSome(underway);
    else this.#judgeSome(underway);
    if (this.#underway !== undefined || this.#waiting.length > 0 || !this.#isRunning) return;
    this.#isRunning = false;
    this.#deps.dispatcher.release();
  }

  #judgeSome(underway: Underway): void {
    const { table, unjudged, toPlan } = underway;
    for (let left = this.#deps.limits.judgedAtOnce; left > 0; ) {
      const { done, value: group } = unjudged.next();
      if (done === true) {
        underway.isJudged = true;
        return;
      }
      // Whoever is told that it ends costs the most.
      left -= 1 + group.size;
      if (judgeGroup(group, table, this.#deps)) toPlan.push(group);
      this.#noteIfAhead(group, table);
    }
  }

  #planSome(underway: Underway): void {
    const { table, toPlan } = underway;
    const end = Math.min(underway.next + this.#deps.limits.alteredAtOnce, toPlan.length);
    for (; underway.next < end; underway.next++) {
      const group = toPlan[underway.next];
      if (group === undefined || group.size === 0) continue;
      renewGroup(group, this.#deps);
      this.#noteIfAhead(group, table);
    }
    if (end === toPlan.length) this.#underway = undefined;
  }

  #noteIfAhead({ plan }: Group<Subscription>, { id, version }: TableSchema): void {
    if (plan.table.id === id && plan.table.version > version) this.#ahead.add(id);
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
