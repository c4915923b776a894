// The column that comes and goes in the tables that are altered: what it is called now, and what becomes of the live queries that name it.
import { Wrong } from "./model.ts";
import type { SqlUser } from "./sql-user.ts";
import type { AlteredTable, MovingColumn } from "./step.ts";
import type { Watcher } from "./watcher.ts";

export interface Altering {
  readonly root: SqlUser;
  readonly watchers: ReadonlyMap<string, Watcher>;
  /** Above every commit that was made before it is asked for. */
  position(): Promise<bigint>;
}

/** One after the other, again and again: the column is called otherwise, goes, and comes back in another place. */
const ALTERATIONS = [
  { sql: "RENAME COLUMN extra TO more", leaves: "more" },
  { sql: "DROP COLUMN more", leaves: undefined },
  { sql: "ADD COLUMN extra INT DEFAULT 7", leaves: "extra" },
] as const;

export class Layouts {
  readonly #turns = new Map<string, number>();

  /** Undefined while there is none. */
  nameOf(table: AlteredTable): MovingColumn | undefined {
    const turn = this.#turns.get(table) ?? 0;
    return turn === 0 ? "extra" : ALTERATIONS[(turn - 1) % ALTERATIONS.length]?.leaves;
  }

  async alter(stage: Altering, table: AlteredTable): Promise<void> {
    const turn = this.#turns.get(table) ?? 0;
    const { sql, leaves } = ALTERATIONS[turn % ALTERATIONS.length] ?? ALTERATIONS[0];
    const before = this.nameOf(table);
    // Whoever names it must end, now or when it comes back; unless the name is back by then.
    for (const watcher of stage.watchers.values()) {
      const { moving, watch } = watcher.options;
      if (watch.table === table && moving !== undefined && moving === before) watcher.mayLackColumn = true;
    }
    const answer = await stage.root.send(`ALTER TABLE sim.${table} ${sql}`);
    if (answer.kind !== "done") throw new Wrong(`${sql}: ${answer.kind} ${answer.error}`);
    this.#turns.set(table, turn + 1);
    if (leaves === undefined) return;
    // From here on a column of this name has a history.
    const named = await stage.position();
    for (const watcher of stage.watchers.values()) {
      if (watcher.options.watch.table === table && watcher.options.moving === leaves) watcher.namedAt = named;
    }
  }

  /** Live queries that cannot be there any more, once all is quiet. */
  problem({ watchers }: Pick<Altering, "watchers">): Wrong | undefined {
    for (const watcher of watchers.values()) {
      const { moving, watch } = watcher.options;
      const isAltered = watch.table === "items" || watch.table === "own";
      if (moving === undefined || !isAltered || this.nameOf(watch.table) === moving) continue;
      return watcher.wrong(`goes on without its column ${moving}`);
    }
    return undefined;
  }
}
