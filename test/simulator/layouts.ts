// The column that comes and goes in the tables that are altered: what it is called now, and what becomes of the live queries that name it.
import { Wrong } from "./model.ts";
import { alterSql, nameAfter } from "./moving-column.ts";
import type { SqlUser } from "./sql-user.ts";
import type { AlteredTable, MovingColumn } from "./step.ts";
import type { Watcher } from "./watcher.ts";

export interface Altering {
  readonly root: SqlUser;
  readonly watchers: ReadonlyMap<string, Watcher>;
  /** Above every commit that was made before it is asked for. */
  position(): Promise<bigint>;
}

export class Layouts {
  readonly #made = new Map<string, number>();
  readonly #sent = new Map<string, number>();

  /** Undefined while there is none. */
  nameOf(table: AlteredTable): MovingColumn | undefined {
    return nameAfter(this.made(table));
  }

  /** How often a table has been altered. */
  made(table: string): number {
    return this.#made.get(table) ?? 0;
  }

  /** How often it has been altered at the most. */
  sent(table: string): number {
    return this.#sent.get(table) ?? 0;
  }

  async alter(stage: Altering, table: AlteredTable): Promise<void> {
    const made = this.made(table);
    const sql = alterSql(made);
    const leaves = nameAfter(made + 1);
    const before = this.nameOf(table);
    // Whoever names it must end, now or when it comes back; unless the name is back by then.
    for (const watcher of stage.watchers.values()) {
      const { moving, watch } = watcher.options;
      if (watch.table === table && moving !== undefined && moving === before) watcher.mayLackColumn = true;
    }
    this.#sent.set(table, made + 1);
    const answer = await stage.root.send(`ALTER TABLE sim.${table} ${sql}`);
    if (answer.kind !== "done") throw new Wrong(`${sql}: ${answer.kind} ${answer.error}`);
    this.#made.set(table, made + 1);
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
