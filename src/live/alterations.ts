// Altered tables and the commits between them, in order. Many groups are found, judged and planned again in slices, so that the event loop goes on; until the last of them has
// been, what is committed waits here undispatched, and so no change meets a plan of another version. To everyone else that is a store whose commits are not dispatched yet.
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

/** A table that is being altered: first all groups that read it are judged, then they are planned. */
interface Underway {
  readonly table: TableSchema;
  /** Those that come meanwhile too. */
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
  /** Of each table, the alterations that are not done. */
  readonly #pending = new Map<TableId, number>();
  /** Who was planned for a version that the dispatch of commits has not come to. */
  #early: { readonly table: TableSchema; readonly begin: () => void }[] = [];
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

  /** Calls back when every change of older versions of the table has been dispatched: at once, most often. */
  whenReached(table: TableSchema, begin: () => void): void {
    if (this.#pending.has(table.id)) this.#early.push({ table, begin });
    else begin();
  }

  altered(table: TableSchema): void {
    this.#pending.set(table.id, (this.#pending.get(table.id) ?? 0) + 1);
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
    const unjudged = this.#deps.registry.groupsOfTable(table.id)[Symbol.iterator]();
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
    }
  }

  #planSome(underway: Underway): void {
    const { table, toPlan } = underway;
    const end = Math.min(underway.next + this.#deps.limits.alteredAtOnce, toPlan.length);
    for (; underway.next < end; underway.next++) {
      const group = toPlan[underway.next];
      if (group === undefined || group.size === 0) continue;
      renewGroup(group, table, this.#deps);
    }
    if (end === toPlan.length) this.#done(table);
  }

  #done({ id, version }: TableSchema): void {
    this.#underway = undefined;
    const pending = (this.#pending.get(id) ?? 1) - 1;
    if (pending > 0) this.#pending.set(id, pending);
    else this.#pending.delete(id);
    const isReached = ({ table }: { readonly table: TableSchema }) => table.id === id && table.version <= version;
    const reached = this.#early.filter(isReached);
    if (reached.length === 0) return;
    this.#early = this.#early.filter((each) => !isReached(each));
    for (const { begin } of reached) begin();
  }

  #takeNext(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    if (next.kind === "altered") {
      this.#begin(next.table);
      return;
    }
    this.#waitingChanges -= next.commit.changes.length;
    this.#deps.deliver(next.commit);
  }
}
