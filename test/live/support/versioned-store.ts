// The store as live queries see it, in memory. Reads wait in a list until the test lets each one happen and, later, answer; a commit can
// be visible to reads before it is dispatched, as with a reader in another process.
import { type Scope, type Seq, SHARED_SCOPE, seqOf } from "../../../src/base/ids.ts";
import type { MatchRequest, PageRequest, RowPage, RowSource } from "../../../src/live/ports.ts";
import type { Change, RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import { chatTable, type Query } from "./chat-table.ts";

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
  /** Reads now and gives what answers with it. */
  readonly run: () => () => void;
  answer: (() => void) | undefined;
}

export class VersionedStore implements RowSource {
  epoch = "epoch-1";
  readonly commits: Commit[] = [];
  readonly requests: { readonly kind: string; readonly limit: number }[] = [];
  readonly pending: PendingRead[] = [];
  /** Answer reads at once instead of keeping them pending. */
  immediate = false;
  failure: Error | undefined;
  /** By shape, as SQL would know them. */
  readonly queries = new Map<string, Query>();
  readonly #newest = new Map<string, { readonly table: TableSchema; readonly scope: Scope; version: RowVersion }>();
  #seq = 100n;
  #dispatched = seqOf(100n);

  /** The seam of the store's purging: tombstones at or below it are gone. */
  #historyStart = seqOf(0n);

  historyStartsAt(): Seq {
    return this.#historyStart;
  }

  flushedUpTo(): Seq {
    return seqOf(0n);
  }

  /** Forgets the ends of rows up to here, as compaction does. */
  purge(upTo: bigint): void {
    this.#historyStart = seqOf(upTo);
    for (const [key, { version }] of this.#newest) {
      if (version.deleted && version.seq <= upTo) this.#newest.delete(key);
    }
  }

  /** The newest version of tables that were altered. */
  readonly altered = new Map<TableSchema["id"], TableSchema>();

  isOutdated({ table }: PageRequest["plan"]): boolean {
    const now = this.altered.get(table.id) ?? table;
    return table.columns.some(({ id }) => !now.columns.some((column) => column.id === id));
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

  lastRowsStart(request: PageRequest): ReturnType<RowSource["lastRowsStart"]> {
    this.requests.push({ kind: "lastRowsStart", limit: request.limit });
    return this.#later(() => {
      const oldest = this.#matching(request).at(-request.limit);
      return { after: seqOf(oldest === undefined ? 0n : oldest.seq - 1n), position: seqOf(this.#seq) };
    });
  }

  history(request: PageRequest): Promise<RowPage> {
    return this.#read("history", request, () => this.#bounded(request).slice(0, request.limit));
  }

  /** Lets the nth pending read take its rows, or answer with the rows it took. */
  advance(index: number): void {
    const read = this.pending[index % Math.max(1, this.pending.length)];
    if (read === undefined) return;
    if (read.answer === undefined) {
      read.answer = read.run();
      return;
    }
    this.pending.splice(this.pending.indexOf(read), 1);
    read.answer();
  }

  matching({ plan, slots, versions }: MatchRequest): Promise<readonly boolean[]> {
    this.requests.push({ kind: "matching", limit: versions.length });
    return this.#later(() =>
      versions.map((version) => this.#query(plan.shape).predicate?.(version.cells, slots) === true),
    );
  }

  #read(kind: string, request: PageRequest, rows: () => readonly RowVersion[]): Promise<RowPage> {
    this.requests.push({ kind, limit: request.limit });
    return this.#later(() => ({ rows: rows(), position: seqOf(this.#seq) }));
  }

  #later<T>(read: () => T): Promise<T> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.immediate) return Promise.resolve(read());
    const { promise, resolve } = Promise.withResolvers<T>();
    const run = () => {
      const value = read();
      return () => resolve(value);
    };
    this.pending.push({ run, answer: undefined });
    return promise;
  }

  #query(shape: string): Query {
    const query = this.queries.get(shape);
    if (query === undefined) throw new Error(`no query ${shape}`);
    return query;
  }

  /** What a fresh SELECT gives, by the meaning of the query and not by how it is kept up to date. */
  selected(query: Query, table: TableSchema, scope: Scope): readonly RowVersion[] {
    const others = this.rows(chatTable("shared", 2), SHARED_SCOPE).map((version) => version.cells);
    return this.rows(table, scope).filter(({ cells, seq }) => {
      if (query.selects !== undefined) return query.selects(cells, others);
      return query.predicate === undefined || query.predicate([...cells, seq, false], query.slots) === true;
    });
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

  #matching({ plan, slots, scope, after, upTo }: PageRequest): readonly RowVersion[] {
    return this.selected({ ...this.#query(plan.shape), slots }, plan.table, scope).filter(
      ({ seq }) => seq > after && (upTo === undefined || seq <= upTo),
    );
  }
}

/** Lets everything that waits only for promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 48; turn++) await Promise.resolve();
}
