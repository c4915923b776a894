// The store as live queries see it, in memory. Reads wait in a list until the test lets each one happen and, later, answer; a commit can
// be visible to reads before it is dispatched, as with a reader in another process.
import { type Scope, type Seq, seqOf } from "../../../src/base/ids.ts";
import type { PageRequest, RowPage, RowSource } from "../../../src/live/ports.ts";
import type { Change, RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";

export interface Write {
  readonly table: TableSchema;
  readonly scope: Scope;
  readonly cells: readonly Cell[];
  readonly deleted?: boolean;
}

export interface Commit {
  readonly position: Seq;
  readonly changes: readonly Change[];
}

interface PendingRead {
  /** Reads now; the answer is given by the second call. */
  readonly run: () => RowPage;
  readonly resolve: (page: RowPage) => void;
  page: RowPage | undefined;
}

export class VersionedStore implements RowSource {
  epoch = "epoch-1";
  readonly commits: Commit[] = [];
  readonly requests: { readonly kind: string; readonly limit: number }[] = [];
  readonly pending: PendingRead[] = [];
  /** Answer reads at once instead of keeping them pending. */
  immediate = false;
  failure: Error | undefined;
  readonly #newest = new Map<string, { readonly table: TableSchema; readonly scope: Scope; version: RowVersion }>();
  #seq = 100n;
  #dispatched = seqOf(100n);

  floor(): Seq {
    return seqOf(0n);
  }

  position(): Seq {
    return this.#dispatched;
  }

  /** Visible to reads from now on; `dispatched` must follow in order. */
  commit(writes: readonly Write[]): Commit {
    const changes: Change[] = [];
    for (const { table, scope, cells, deleted = false } of writes) {
      const key = `${table.id}/${scope}/${String(cells[table.keyIndex])}`;
      const old = this.#newest.get(key)?.version;
      const before = old === undefined || old.deleted ? undefined : old;
      if (deleted && before === undefined) continue;
      this.#seq += 1n;
      const after = { seq: seqOf(this.#seq), deleted, cells: deleted ? (before?.cells ?? cells) : cells };
      this.#newest.set(key, { table, scope, version: after });
      changes.push({ table, scope, before, after });
    }
    const commit = { position: seqOf(this.#seq), changes };
    this.commits.push(commit);
    return commit;
  }

  markDispatched(commit: Commit): void {
    this.#dispatched = commit.position;
  }

  rows(table: TableSchema, scope: Scope): readonly RowVersion[] {
    return this.#versions(table, scope).filter((version) => !version.deleted);
  }

  snapshot(request: PageRequest): Promise<RowPage> {
    return this.#read("snapshot", request, () => this.#matching(request).slice(0, request.limit));
  }

  lastRows(request: PageRequest): Promise<RowPage> {
    return this.#read("lastRows", request, () => this.#matching(request).slice(-request.limit));
  }

  history(request: PageRequest): Promise<RowPage> {
    return this.#read("history", request, () => this.#bounded(request).slice(0, request.limit));
  }

  /** Lets the nth pending read take its rows, or answer with the rows it took. */
  advance(index: number): void {
    const read = this.pending[index % Math.max(1, this.pending.length)];
    if (read === undefined) return;
    if (read.page === undefined) {
      read.page = read.run();
      return;
    }
    this.pending.splice(this.pending.indexOf(read), 1);
    read.resolve(read.page);
  }

  #read(kind: string, request: PageRequest, rows: () => readonly RowVersion[]): Promise<RowPage> {
    this.requests.push({ kind, limit: request.limit });
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const run = (): RowPage => ({ rows: rows(), position: seqOf(this.#seq) });
    if (this.immediate) return Promise.resolve(run());
    const { promise, resolve } = Promise.withResolvers<RowPage>();
    this.pending.push({ run, resolve, page: undefined });
    return promise;
  }

  #versions(table: TableSchema, scope: Scope): readonly RowVersion[] {
    const versions = [...this.#newest.values()]
      .filter((row) => row.table.id === table.id && row.scope === scope)
      .map((row) => row.version);
    return versions.sort((a, b) => (a.seq < b.seq ? -1 : 1));
  }

  #bounded({ plan, scope, after, upTo }: PageRequest): readonly RowVersion[] {
    return this.#versions(plan.table, scope).filter(
      (version) => version.seq > after && (upTo === undefined || version.seq <= upTo),
    );
  }

  #matching(request: PageRequest): readonly RowVersion[] {
    const { predicate } = request.plan;
    return this.#bounded(request).filter(
      (version) =>
        !version.deleted &&
        (predicate === undefined || predicate([...version.cells, version.seq, false], request.slots) === true),
    );
  }
}

/** Lets everything that waits only for promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}
