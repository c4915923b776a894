// The newest versions of all tables, in memory and in `_seq` order, so that clients which were away for a short while are resumed without a read. What it says is
// what history would say: every version of a scope after a position, except those that a newer one replaced. Bounded by bytes: at the bound the oldest versions are
// forgotten, and who needs them reads history.
import { type Scope, type Seq, seqOf, type TableId } from "../base/ids.ts";
import type { Change, RowVersion } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { LiveDeps } from "./live-deps.ts";
import { rowBytes } from "./row-bytes.ts";
import { VersionList } from "./version-list.ts";

export interface RecentChangesOptions {
  /** 0: nothing is kept. */
  readonly maxBytes: number;
  /** Every change above it will be added. */
  readonly startsAt: Seq;
  /** Up to here versions may have left the buffer, and with it what was loaded from there. */
  readonly flushedUpTo: (table: TableSchema, scope: Scope) => Seq;
}

/** A version as the buffer holds it. */
export interface BufferedVersion {
  readonly scope: Scope;
  readonly version: RowVersion;
}

interface Entry {
  readonly scope: Scope;
  readonly version: RowVersion;
  readonly bytes: number;
  isReplaced: boolean;
}

interface RecentTable {
  /** Of the table's schema: as which the cells are laid out. */
  readonly version: number;
  /** Of all scopes, ascending. */
  entries: Entry[];
  readonly byScope: Map<Scope, VersionList<Entry>>;
  /** Every change above it is here. */
  completeAfter: Seq;
  bytes: number;
}

/** What an entry takes beside its cells: the version, two places in lists, its share of arrays. */
const ENTRY_BYTES = 168;
/** At the bound this share of the fullest table goes at once, so that making room costs little for each change. */
const FORGOTTEN_SHARE = 8;

export class RecentChanges {
  readonly #options: RecentChangesOptions;
  readonly #tables = new Map<TableId, RecentTable>();
  #bytes = 0;

  constructor(options: RecentChangesOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** In commit order. Rows of a STREAM table are in memory anyway. */
  add({ table, scope, before, after }: Change): void {
    if (this.#options.maxBytes === 0 || table.kind === "stream") return;
    const recent = this.#table(table, after.seq);
    const ofScope = recent.byScope.get(scope);
    const replaced = before && ofScope?.find(before.seq);
    if (replaced !== undefined) replaced.isReplaced = true;
    this.#append(recent, newEntry(scope, after));
    while (this.#bytes > this.#options.maxBytes) this.#forgetSome();
  }

  /**
   * What was in the buffer before the first change that was added, newest first; nothing is left out between it and what is known. `completeAfter`: every buffered
   * version above it was given. False: there is no room for more.
   */
  load(table: TableSchema, versions: readonly BufferedVersion[], completeAfter: Seq): boolean {
    const recent = this.#table(table, this.#options.startsAt);
    if (recent.version !== table.version) return false;
    const bytes = versions.reduce((sum, { version }) => sum + ENTRY_BYTES + rowBytes(version), 0);
    // Changes that came while it was read are worth more.
    if (this.#bytes + bytes > this.#options.maxBytes / 2) return false;
    const older = versions.map(({ scope, version }) => newEntry(scope, version)).reverse();
    const all = [...older, ...recent.entries];
    recent.entries = all;
    recent.byScope.clear();
    for (const entry of all) this.#listOf(recent, entry.scope).push(entry);
    recent.completeAfter = completeAfter;
    recent.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** The table is gone. */
  delete(table: TableId): void {
    this.#bytes -= this.#tables.get(table)?.bytes ?? 0;
    this.#tables.delete(table);
  }

  /** The first versions of the scope after a position; undefined when that is further back than is known. */
  after(
    table: TableSchema,
    scope: Scope,
    bounds: { readonly after: Seq; readonly limit: number },
  ): readonly RowVersion[] | undefined {
    const { maxBytes, startsAt, flushedUpTo } = this.#options;
    const recent = this.#tables.get(table.id);
    const { after, limit } = bounds;
    if (recent !== undefined && recent.version !== table.version) return undefined;
    if (table.kind === "stream") return undefined;
    if (maxBytes === 0 || after < (recent?.completeAfter ?? startsAt)) return undefined;
    if (after < startsAt && after < flushedUpTo(table, scope)) return undefined;
    const found: RowVersion[] = [];
    const entries = recent?.byScope.get(scope);
    if (entries === undefined) return found;
    for (let at = entries.firstAbove(after); at < entries.length && found.length < limit; at++) {
      const entry = entries.at(at);
      if (entry !== undefined && !entry.isReplaced) found.push(entry.version);
    }
    return found;
  }

  /** Versions of an altered table are laid out otherwise: those before are forgotten with the first change after. */
  #table({ id, version }: TableSchema, upTo: Seq): RecentTable {
    const known = this.#tables.get(id);
    if (known !== undefined && known.version >= version) return known;
    this.delete(id);
    const completeAfter = known === undefined ? this.#options.startsAt : seqOf(upTo - 1n);
    const made = { version, entries: [], byScope: new Map(), completeAfter, bytes: 0 };
    this.#tables.set(id, made);
    return made;
  }

  #append(recent: RecentTable, entry: Entry): void {
    recent.entries.push(entry);
    this.#listOf(recent, entry.scope).push(entry);
    recent.bytes += entry.bytes;
    this.#bytes += entry.bytes;
  }

  #forgetSome(): void {
    let fullest: RecentTable | undefined;
    for (const recent of this.#tables.values()) {
      if (recent.bytes > (fullest?.bytes ?? 0)) fullest = recent;
    }
    if (fullest === undefined) return;
    const forgotten = fullest.entries.splice(0, Math.ceil(fullest.entries.length / FORGOTTEN_SHARE));
    const last = forgotten.at(-1);
    if (last === undefined) return;
    fullest.completeAfter = last.version.seq;
    for (const scope of new Set(forgotten.map((entry) => entry.scope))) {
      const kept = this.#listOf(fullest, scope);
      kept.dropFirst(kept.firstAbove(last.version.seq));
      if (kept.length === 0) fullest.byScope.delete(scope);
    }
    const bytes = forgotten.reduce((sum, entry) => sum + entry.bytes, 0);
    fullest.bytes -= bytes;
    this.#bytes -= bytes;
  }

  #listOf(recent: RecentTable, scope: Scope): VersionList<Entry> {
    const known = recent.byScope.get(scope);
    if (known !== undefined) return known;
    const made = new VersionList<Entry>(this.#options.startsAt);
    recent.byScope.set(scope, made);
    return made;
  }
}

export function createRecentChanges({ source, limits }: Pick<LiveDeps, "source" | "limits">): RecentChanges {
  return new RecentChanges({
    maxBytes: limits.recentBytes,
    startsAt: source.position(),
    flushedUpTo: (table, scope) => source.flushedUpTo(table, scope),
  });
}

function newEntry(scope: Scope, version: RowVersion): Entry {
  return { scope, version, bytes: ENTRY_BYTES + rowBytes(version), isReplaced: false };
}
