// What the writers of a soak did, version by version, and what they were told of it. A feed is what one live query shows: the rows of a user, or of a room that all may read.

export type Fate =
  | { readonly kind: "pending" }
  /** Committed at the position. */
  | { readonly kind: "acknowledged"; readonly seq: bigint }
  | { readonly kind: "refused" }
  /** The connection ended before the answer. */
  | { readonly kind: "inDoubt" };

export interface Version {
  readonly feed: string;
  readonly id: number;
  /** 1 for the insert, one more for each update, and for the end. */
  readonly n: number;
  readonly isEnd: boolean;
  fate: Fate;
}

export interface RowHistory {
  readonly feed: string;
  readonly versions: Version[];
}

export class Journal {
  readonly #rows = new Map<number, RowHistory>();
  readonly #idsByFeed = new Map<string, number[]>();
  #nextId = 1;

  insert(feed: string): Version {
    const id = this.#nextId;
    this.#nextId += 1;
    const version: Version = { feed, id, n: 1, isEnd: false, fate: { kind: "pending" } };
    this.#rows.set(id, { feed, versions: [version] });
    const ids = this.#idsByFeed.get(feed);
    if (ids === undefined) this.#idsByFeed.set(feed, [id]);
    else ids.push(id);
    return version;
  }

  /** The version after the newest. */
  change(id: number, { isEnd }: { readonly isEnd: boolean }): Version {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`no row ${id}`);
    const version: Version = { feed: row.feed, id, n: row.versions.length + 1, isEnd, fate: { kind: "pending" } };
    row.versions.push(version);
    return version;
  }

  row(id: number): RowHistory | undefined {
    return this.#rows.get(id);
  }

  *rowsOf(feed: string): Iterable<RowHistory> {
    for (const id of this.#idsByFeed.get(feed) ?? []) {
      const row = this.#rows.get(id);
      if (row !== undefined) yield row;
    }
  }

  count(kind: Fate["kind"]): number {
    let count = 0;
    for (const { versions } of this.#rows.values()) for (const { fate } of versions) if (fate.kind === kind) count += 1;
    return count;
  }
}
