// Upkeep for queries whose predicate reads other rows (sub-queries): after a commit that touches a table of the query, it is run again, and the difference to the last
// result is delivered at the position of the read. At most one run of a group is under way; commits that come meanwhile lead to one more. The result is kept in memory:
// its rows are bounded for the query and for all queries together.
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import type { RowChange } from "../protocol/native-encoder.ts";
import type { RowPage } from "./ports.ts";
import { difference, type QueryResult, toQueryResult } from "./query-result.ts";
import type { ReadGate } from "./read-gate.ts";
import type { Upkeep } from "./upkeep.ts";

/** Rows kept by all such queries together. */
export interface RowBudget {
  readonly maxRows: number;
  usedRows: number;
}

export interface RerunDeps {
  readonly table: TableSchema;
  readonly clock: Clock;
  /** Rows one result may have. At the bound the query ends with RESULT_TOO_LARGE. */
  readonly maxRows: number;
  /** At its bound the query that would pass it ends with SERVER_BUSY. */
  readonly budget: RowBudget;
  /** The whole result, at most so many rows. */
  readonly read: (limit: number) => Promise<RowPage>;
  readonly deliver: (position: Seq, changes: readonly RowChange[]) => void;
  readonly fail: (error: unknown) => void;
  readonly gate: ReadGate<Upkeep>;
}

type Waiter = (result: QueryResult) => void;

export class Rerun implements Upkeep {
  readonly holdsChanges = false;
  readonly #deps: RerunDeps;
  readonly #waiting = new Set<Waiter>();
  #result: QueryResult | undefined;
  /** The last commit that touched a table of the query. */
  #touched = seqOf(0n);
  #touchedAtMs: number | undefined;
  #isRunning = false;
  #isClosed = false;

  constructor(deps: RerunDeps) {
    this.#deps = deps;
  }

  get waitingSinceMs(): number | undefined {
    return this.#touchedAtMs;
  }

  /** Undefined until the first run is done. */
  get result(): QueryResult | undefined {
    return this.#result;
  }

  /** Calls back with the newest result: at once when there is one. Never calls back when the first run fails or the group ends. */
  whenRun(waiter: Waiter): void {
    if (this.#result !== undefined) {
      waiter(this.#result);
      return;
    }
    this.#waiting.add(waiter);
    this.#start();
  }

  changed(): void {
    // Which rows changed says nothing about which rows the query selects.
  }

  committed(position: Seq): void {
    this.#touched = position;
    // Without a result there is a run under way or nobody to run for; the check after it looks at `touched`.
    if (this.#result === undefined || position <= this.#result.position) return;
    this.#touchedAtMs ??= this.#deps.clock.monotonicMs();
    this.#start();
  }

  reached(dispatched: Seq): Seq {
    const position = this.#result?.position ?? seqOf(0n);
    return this.#touched > position || dispatched < position ? position : dispatched;
  }

  survives(isLaidOutAlike: boolean): boolean {
    return isLaidOutAlike;
  }

  close(): void {
    this.#isClosed = true;
    this.#deps.budget.usedRows -= this.#result?.rows.length ?? 0;
    this.#result = undefined;
    this.#waiting.clear();
    this.#deps.gate.delete(this);
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#deps.gate.add(this, () => this.#run());
  }

  async #run(): Promise<void> {
    const { maxRows, table, read, fail } = this.#deps;
    try {
      const page = await read(maxRows + 1);
      if (this.#isClosed) return;
      this.#isRunning = false;
      this.#adopt(toQueryResult(table, page));
    } catch (error) {
      if (!this.#isClosed) fail(error);
    }
  }

  #adopt(next: QueryResult): void {
    const previous = this.#result;
    this.#account(next.rows.length, previous?.rows.length ?? 0);
    this.#result = next;
    this.#touchedAtMs = undefined;
    if (previous !== undefined) this.#deps.deliver(next.position, difference(previous, next));
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) waiter(next);
    if (this.#isClosed || this.#touched <= next.position) return;
    this.#touchedAtMs = this.#deps.clock.monotonicMs();
    this.#start();
  }

  #account(rows: number, before: number): void {
    const { maxRows, budget } = this.#deps;
    if (rows > maxRows) {
      throw new DbError(
        "RESULT_TOO_LARGE",
        `The live query selects more than ${maxRows} rows and has to be run again after changes`,
        {
          hint: "Narrow it, replace its sub-query by a parameter, or raise live.max_rerun_rows.",
        },
      );
    }
    if (budget.usedRows + rows - before > budget.maxRows) {
      throw new DbError("SERVER_BUSY", "Live queries that are run again keep too many rows");
    }
    budget.usedRows += rows - before;
  }
}
