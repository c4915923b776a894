// What names meant to a session: the tables and views it has used lately, found again without the catalog. A change of any definition makes all of it stale.
import type { Clock } from "../base/clock.ts";
import { Lru } from "../base/lru.ts";
import type { BindContext } from "../sql/plan.ts";
import type { Session } from "./session.ts";

/** A session over HTTP is a user and a namespace. Names that were not found are not kept. */
const MAX_NAMES = 10_000;
const TTL_MS = 10 * 60 * 1000;

type Relation = NonNullable<ReturnType<BindContext["findRelation"]>>;

interface Entry {
  readonly relation: Relation;
  readonly catalogVersion: number;
  readonly untilMs: number;
}

export interface TableCacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

export class TableCache {
  readonly #entries = new Lru<string, Entry>(MAX_NAMES);
  readonly #clock: Pick<Clock, "monotonicMs">;
  #hits = 0;
  #misses = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** `name`: `namespace.name`. */
  find(
    { session, name }: { readonly session: Pick<Session, "user" | "namespace">; readonly name: string },
    catalogVersion: number,
    look: () => Relation | undefined,
  ): Relation | undefined {
    // A user's id may hold any character but this one.
    const key = `${session.user}\u0000${session.namespace} ${name}`;
    const now = this.#clock.monotonicMs();
    const known = this.#entries.get(key);
    if (known !== undefined && known.catalogVersion === catalogVersion && now < known.untilMs) {
      this.#hits += 1;
      return known.relation;
    }
    this.#misses += 1;
    const relation = look();
    if (relation !== undefined) this.#entries.set(key, { relation, catalogVersion, untilMs: now + TTL_MS });
    else this.#entries.delete(key);
    return relation;
  }

  stats(): TableCacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }

  /** Returns how many names were forgotten. */
  clear(): number {
    return this.#entries.clear();
  }
}
