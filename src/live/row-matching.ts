// Upkeep for predicates that look at one row but whose time has no bound (regular expressions): the old and new rows of a commit are put to a query process, in order,
// and the commit is delivered when the answer is there. Nothing else differs from a filter: positions, order and resume are those of the table.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import { changeOf, type RoutedChange } from "./membership.ts";
import type { ReadGate } from "./read-gate.ts";
import type { Upkeep } from "./upkeep.ts";

export interface RowMatchingDeps {
  readonly clock: Clock;
  /** Changes that may wait for an answer. At the bound the group ends with SERVER_BUSY; its clients resume from their cursors. */
  readonly undecidedChanges: number;
  /** One answer for each version. */
  readonly match: (versions: readonly RowVersion[]) => Promise<readonly boolean[]>;
  readonly deliver: (position: Seq, changes: readonly RowChange[]) => void;
  /** Some commits were delivered. */
  readonly advanced: () => void;
  readonly fail: (error: unknown) => void;
  readonly gate: ReadGate<Upkeep>;
}

interface Undecided {
  readonly position: Seq;
  readonly changes: readonly RoutedChange[];
  readonly atMs: number;
}

/** Commits are decided together up to this many changes. */
const CHANGES_AT_ONCE = 1_000;

export class RowMatching implements Upkeep {
  readonly holdsChanges = true;
  readonly #deps: RowMatchingDeps;
  #open: RoutedChange[] = [];
  readonly #undecided: Undecided[] = [];
  #count = 0;
  #isRunning = false;
  #isClosed = false;

  constructor(deps: RowMatchingDeps) {
    this.#deps = deps;
  }

  get waitingSinceMs(): number | undefined {
    return this.#undecided[0]?.atMs;
  }

  changed(change: RoutedChange): void {
    this.#open.push(change);
  }

  committed(position: Seq): void {
    const changes = this.#open;
    this.#open = [];
    this.#undecided.push({ position, changes, atMs: this.#deps.clock.monotonicMs() });
    this.#count += changes.length;
    if (this.#count > this.#deps.undecidedChanges) {
      const message = `The live query falls behind: more than ${this.#deps.undecidedChanges} changes wait for its predicate`;
      this.#deps.fail(new DbError("SERVER_BUSY", message));
      return;
    }
    this.#advance();
  }

  reached(dispatched: Seq): Seq {
    // Not the position before the commit's: its changes have positions of their own, up to the commit's.
    const oldest = this.#undecided[0]?.changes[0];
    return oldest === undefined ? dispatched : seqOf(oldest.change.after.seq - 1n);
  }

  survives(isLaidOutAlike: boolean): boolean {
    return isLaidOutAlike || this.#undecided.length === 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#undecided.length = 0;
    this.#deps.gate.delete(this);
  }

  #advance(): void {
    if (this.#isRunning || this.#undecided.length === 0) return;
    this.#isRunning = true;
    this.#deps.gate.add(this, () => this.#decide());
  }

  async #decide(): Promise<void> {
    try {
      const commits = this.#take();
      const changes = commits.flatMap((commit) => commit.changes);
      const answers = await this.#deps.match(changes.flatMap(versionsOf));
      if (this.#isClosed) return;
      this.#deliver(commits, answers.values());
    } catch (error) {
      if (!this.#isClosed) this.#deps.fail(error);
      return;
    }
    this.#isRunning = false;
    this.#deps.advanced();
    if (!this.#isClosed) this.#advance();
  }

  /** The oldest commits; they stay in the list, because nothing of them is delivered yet. */
  #take(): readonly Undecided[] {
    let changes = 0;
    let count = 0;
    for (const commit of this.#undecided) {
      if (count > 0 && changes + commit.changes.length > CHANGES_AT_ONCE) break;
      changes += commit.changes.length;
      count += 1;
    }
    return this.#undecided.slice(0, count);
  }

  #deliver(commits: readonly Undecided[], answers: Iterator<boolean>): void {
    for (const { position, changes } of commits) {
      const rowChanges = changes.flatMap((change) => {
        const wasMember = change.beforeRow !== undefined && answers.next().value === true;
        const isMember = change.afterRow !== undefined && answers.next().value === true;
        return changeOf(change.change, { wasMember, isMember }) ?? [];
      });
      this.#undecided.shift();
      this.#count -= changes.length;
      this.#deps.deliver(position, rowChanges);
      if (this.#isClosed) return;
    }
  }
}

function versionsOf({ change, beforeRow, afterRow }: RoutedChange): readonly RowVersion[] {
  const before = beforeRow === undefined || change.before === undefined ? [] : [change.before];
  return afterRow === undefined ? before : [...before, change.after];
}
