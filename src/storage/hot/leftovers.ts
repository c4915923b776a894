// Rows that are in the data file and not in the database: buffered versions that a segment holds by now, and all of a dropped table. Which these are follows from
// the catalog alone, so this list needs no place in the file: it is made at open, and grows with the writer's works. It may name too much, never too little.
import type { Database } from "bun:sqlite";
import { type Scope, type TableId, tableIdOf } from "../../base/ids.ts";
import type { SqliteValue } from "../../model/sql-type.ts";

export type Leftover =
  | {
      readonly kind: "flushed";
      readonly table: TableId;
      readonly scope: Scope;
      /** Keys up to this one have been looked at; undefined: none has. */
      readonly after: SqliteValue | undefined;
    }
  | { readonly kind: "dropped"; readonly table: TableId };

/** What one step did. */
export interface TrimStep {
  /** Undefined: nothing is left. */
  readonly rest: Leftover | undefined;
  /** Looked at; not all need to have been removed. */
  readonly rows: number;
}

/** What one work did to a leftover. */
export interface Trimmed {
  readonly leftover: Leftover;
  readonly rest: Leftover | undefined;
}

/** One entry for each scope and dropped table: bounded by what the catalog names, or named. */
export class Leftovers {
  readonly #entries = new Map<string, Leftover>();

  addFlushed(table: TableId, scope: Scope): void {
    this.#put({ kind: "flushed", table, scope, after: undefined });
  }

  addDropped(table: TableId): void {
    this.#put({ kind: "dropped", table });
  }

  /** Tables of the file that the catalog does not name. */
  load(db: Database): void {
    using statement = db.prepare<{ id: number }, []>(
      `SELECT CAST(substr(name, 5) AS INTEGER) AS id FROM sqlite_schema
       WHERE type = 'table' AND name GLOB 'hot_[0-9]*' AND CAST(substr(name, 5) AS INTEGER) NOT IN (SELECT id FROM tables)`,
    );
    for (const { id } of statement.all()) this.addDropped(tableIdOf(Number(id)));
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Whether the scope's table may hold versions that a segment holds too. */
  hasFlushed(table: TableId, scope: Scope): boolean {
    return this.#entries.has(`${table}/${scope}`);
  }

  /** Oldest first. */
  all(): IteratorObject<Leftover> {
    return this.#entries.values();
  }

  /** After the commit. What was added again meanwhile stays as it is: it starts from its first key. */
  settle({ leftover, rest }: Trimmed): void {
    const key = entryKey(leftover);
    if (this.#entries.get(key) !== leftover) return;
    if (rest === undefined) this.#entries.delete(key);
    else this.#entries.set(key, rest);
  }

  #put(leftover: Leftover): void {
    this.#entries.set(entryKey(leftover), leftover);
  }
}

function entryKey(leftover: Leftover): string {
  return leftover.kind === "flushed" ? `${leftover.table}/${leftover.scope}` : `${leftover.table}`;
}
