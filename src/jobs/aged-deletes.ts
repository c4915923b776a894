// Finds tables whose files are due for a compaction though nobody flushes them any more: what was deleted there ages without an event that would tell. Walks through the
// scopes of all tables in rounds, a part of a round at each look; where it stands is not kept, a restart begins a round.
import type { Clock } from "../base/clock.ts";
import type { Scope, TableId } from "../base/ids.ts";
import type { CompactDeps } from "./compact-kind.ts";

export interface AgedDeletesDeps {
  readonly clock: Clock;
  readonly catalog: Pick<CompactDeps["catalog"], "tables" | "flushedScopes">;
  readonly compaction: Pick<CompactDeps["compaction"], "isDue">;
}

/** Of one look; the next one goes on. */
export const MAX_SCOPES_A_LOOK = 10_000;
/** In one turn of the event loop: half a millisecond. */
const SCOPES_AT_ONCE = 100;
/** From the begin of a round to that of the next: a table whose compaction fails is tried again this often. */
export const ROUND_MS = 3_600_000;

export class AgedDeletes {
  readonly #deps: AgedDeletesDeps;
  /** Of the round, not looked at yet; the last one is next. */
  #tables: TableId[] = [];
  #table: TableId | undefined;
  /** Of `#table`. */
  #scopes: readonly Scope[] = [];
  #next = 0;
  #roundBeganMs: number | undefined;
  #isLooking = false;

  constructor(deps: AgedDeletesDeps) {
    this.#deps = deps;
  }

  /** The tables found in the next part of the round. Of a table found the rest is passed over: its compaction looks at all of it. */
  async look(signal: AbortSignal): Promise<TableId[]> {
    if (this.#isLooking || !this.#hasRound()) return [];
    this.#isLooking = true;
    try {
      return await this.#walk(signal);
    } finally {
      this.#isLooking = false;
    }
  }

  async #walk(signal: AbortSignal): Promise<TableId[]> {
    const { catalog, compaction } = this.#deps;
    const found: TableId[] = [];
    for (let looks = 0; looks < MAX_SCOPES_A_LOOK; looks += 1) {
      if (looks % SCOPES_AT_ONCE === 0) await Bun.sleep(0);
      if (signal.aborted) return [];
      const scope = this.#scopes[this.#next];
      if (scope === undefined || this.#table === undefined) {
        this.#table = this.#tables.pop();
        if (this.#table === undefined) break;
        this.#scopes = catalog.flushedScopes(this.#table);
        this.#next = 0;
        continue;
      }
      this.#next += 1;
      if (!compaction.isDue(this.#table, scope)) continue;
      found.push(this.#table);
      this.#scopes = [];
    }
    return found;
  }

  /** False between two rounds. */
  #hasRound(): boolean {
    if (this.#table !== undefined) return true;
    const { catalog, clock } = this.#deps;
    const nowMs = clock.monotonicMs();
    if (this.#roundBeganMs !== undefined && nowMs - this.#roundBeganMs < ROUND_MS) return false;
    this.#roundBeganMs = nowMs;
    this.#tables = catalog.tables().map(({ id }) => id);
    return this.#tables.length > 0;
  }
}
