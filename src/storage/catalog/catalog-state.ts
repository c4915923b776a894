// Metadata in memory. There are two of these: the committed one everybody reads, and the writer's own, which runs ahead within a batch.
// Both change by the same operations; each operation's inverse undoes it when a work or a batch rolls back.

import { type Scope, type Seq, seqOf, type TableId, type UserId } from "../../base/ids.ts";
import type { ApiKey } from "../../model/api-key.ts";
import type { JobRecord } from "../../model/job.ts";
import type { TableSchema } from "../../model/schema.ts";
import { DEFAULT_LOCAL_STORAGE, LOCAL_STORAGE, type Storage } from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import type { ViewSchema } from "../../model/view.ts";
import type { CatalogView, Namespace, Segment } from "../seams.ts";

export interface HistoryStart {
  readonly table: TableId;
  readonly scope: Scope;
  readonly startsAt: Seq;
}

/** `record` undefined: it is gone. */
export type CatalogChange =
  | {
      readonly kind: "namespace";
      readonly name: string;
      readonly record: Namespace | undefined;
      readonly version: number;
    }
  /** `versions`: every version of the table, oldest first, the record last; empty when it is gone. */
  | {
      readonly kind: "table";
      readonly id: TableId;
      readonly record: TableSchema | undefined;
      readonly versions: readonly TableSchema[];
      readonly version: number;
    }
  | {
      readonly kind: "view";
      /** `namespace.name`. */
      readonly name: string;
      readonly record: ViewSchema | undefined;
      readonly version: number;
    }
  | { readonly kind: "user"; readonly id: UserId; readonly record: User | undefined }
  | { readonly kind: "apiKey"; readonly id: string; readonly record: ApiKey | undefined }
  | { readonly kind: "storage"; readonly id: string; readonly record: Storage | undefined }
  | { readonly kind: "job"; readonly id: string; readonly record: JobRecord | undefined }
  | { readonly kind: "segmentAdded"; readonly segment: Segment }
  | { readonly kind: "segmentRemoved"; readonly segment: Segment }
  | { readonly kind: "historyStart"; readonly start: HistoryStart }
  /** All segments of a table at once. */
  | { readonly kind: "segmentsOfTable"; readonly table: TableId; readonly scopes: ScopeSegments | undefined };

const NO_VERSIONS: readonly TableSchema[] = [];

interface Flushed {
  readonly segments: readonly Segment[];
  readonly historyStartsAt: Seq;
  readonly upTo: Seq;
}
type ScopeSegments = Map<Scope, Flushed>;

const NO_SEQ = seqOf(0n);
const NOTHING_FLUSHED: Flushed = { segments: [], historyStartsAt: NO_SEQ, upTo: NO_SEQ };

export class CatalogState implements CatalogView {
  #version = 1;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #tables = new Map<TableId, TableSchema>();
  readonly #tableByName = new Map<string, TableSchema>();
  readonly #tableVersions = new Map<TableId, readonly TableSchema[]>();
  readonly #views = new Map<string, ViewSchema>();
  readonly #users = new Map<UserId, User>();
  readonly #apiKeys = new Map<string, ApiKey>();
  /** Besides `local`, until that is altered. */
  readonly #storages = new Map<string, Storage>();
  readonly #jobs = new Map<string, JobRecord>();
  readonly #segments = new Map<TableId, ScopeSegments>();

  get version(): number {
    return this.#version;
  }

  namespace(name: string): Namespace | undefined {
    return this.#namespaces.get(name);
  }

  namespaces(): readonly Namespace[] {
    return [...this.#namespaces.values()];
  }

  table(namespace: string, name: string): TableSchema | undefined {
    return this.#tableByName.get(`${namespace}.${name}`);
  }

  tableById(id: TableId): TableSchema | undefined {
    return this.#tables.get(id);
  }

  tables(): readonly TableSchema[] {
    return [...this.#tables.values()];
  }

  tableVersions(id: TableId): readonly TableSchema[] {
    return this.#tableVersions.get(id) ?? NO_VERSIONS;
  }

  view(namespace: string, name: string): ViewSchema | undefined {
    return this.#views.get(`${namespace}.${name}`);
  }

  views(): readonly ViewSchema[] {
    return [...this.#views.values()];
  }

  user(id: UserId): User | undefined {
    return this.#users.get(id);
  }

  users(): readonly User[] {
    return [...this.#users.values()];
  }

  apiKey(id: string): ApiKey | undefined {
    return this.#apiKeys.get(id);
  }

  apiKeys(): readonly ApiKey[] {
    return [...this.#apiKeys.values()];
  }

  storage(id: string): Storage | undefined {
    return this.#storages.get(id) ?? (id === LOCAL_STORAGE ? DEFAULT_LOCAL_STORAGE : undefined);
  }

  storages(): readonly Storage[] {
    const others = [...this.#storages.values()].filter(({ id }) => id !== LOCAL_STORAGE);
    return [
      this.#storages.get(LOCAL_STORAGE) ?? DEFAULT_LOCAL_STORAGE,
      ...others.sort((a, b) => (a.id < b.id ? -1 : 1)),
    ];
  }

  segments(table: TableId, scope: Scope): readonly Segment[] {
    return this.#flushed(table, scope).segments;
  }

  allSegments(): readonly Segment[] {
    return [...this.#segments.values()].flatMap((scopes) => [...scopes.values()].flatMap(({ segments }) => segments));
  }

  segmentsVersion(table: TableId, scope: Scope): number {
    return this.#flushed(table, scope).segments.at(-1)?.id ?? 0;
  }

  flushedUpTo(table: TableId, scope: Scope): Seq {
    return this.#flushed(table, scope).upTo;
  }

  historyStartsAt(table: TableId, scope: Scope): Seq {
    return this.#flushed(table, scope).historyStartsAt;
  }

  jobs(): readonly JobRecord[] {
    return [...this.#jobs.values()].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  }

  job(id: string): JobRecord | undefined {
    return this.#jobs.get(id);
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  /** In the order they were first put. */
  jobsByAge(): IteratorObject<JobRecord> {
    return this.#jobs.values();
  }

  segmentsOfTable(table: TableId): readonly Segment[] {
    return [...(this.#segments.get(table)?.values() ?? [])].flatMap(({ segments }) => segments);
  }

  flushedScopes(table: TableId): readonly Scope[] {
    return [...(this.#segments.get(table)?.keys() ?? [])];
  }

  /** Returns the change that undoes this one. */
  apply(change: CatalogChange): CatalogChange {
    switch (change.kind) {
      case "namespace": {
        const before = this.#namespaces.get(change.name);
        const undo = { ...change, record: before, version: this.#version };
        setOrDelete(this.#namespaces, change.name, change.record);
        this.#version = change.version;
        return undo;
      }
      case "table": {
        const { id } = change;
        const undo = {
          ...change,
          record: this.#tables.get(id),
          versions: this.tableVersions(id),
          version: this.#version,
        };
        this.#setTable(id, change.record);
        setOrDelete(this.#tableVersions, id, change.record === undefined ? undefined : change.versions);
        this.#version = change.version;
        return undo;
      }
      case "view":
        return this.#applyView(change);
      case "user":
        return putRecord(this.#users, change);
      case "apiKey":
        return putRecord(this.#apiKeys, change);
      case "storage":
        return putRecord(this.#storages, change);
      case "job":
        return putRecord(this.#jobs, change);
      case "segmentAdded":
        this.#changeSegments(change.segment, (segments) => [...segments, change.segment].sort((a, b) => a.id - b.id));
        return { kind: "segmentRemoved", segment: change.segment };
      case "segmentRemoved":
        this.#changeSegments(change.segment, (segments) => segments.filter(({ id }) => id !== change.segment.id));
        return { kind: "segmentAdded", segment: change.segment };
      case "historyStart": {
        const { table, scope, startsAt } = change.start;
        const before = this.#flushed(table, scope);
        this.#setFlushed({ table, scope }, { segments: before.segments, historyStartsAt: startsAt });
        return { ...change, start: { ...change.start, startsAt: before.historyStartsAt } };
      }
      case "segmentsOfTable": {
        const undo = { ...change, scopes: this.#segments.get(change.table) };
        setOrDelete(this.#segments, change.table, change.scopes);
        return undo;
      }
    }
  }

  #applyView(change: Extract<CatalogChange, { readonly kind: "view" }>): CatalogChange {
    const undo = { ...change, record: this.#views.get(change.name), version: this.#version };
    setOrDelete(this.#views, change.name, change.record);
    this.#version = change.version;
    return undo;
  }

  #flushed(table: TableId, scope: Scope): Flushed {
    return this.#segments.get(table)?.get(scope) ?? NOTHING_FLUSHED;
  }

  #setTable(id: TableId, record: TableSchema | undefined): void {
    const before = this.#tables.get(id);
    if (before !== undefined) this.#tableByName.delete(`${before.namespace}.${before.name}`);
    setOrDelete(this.#tables, id, record);
    if (record !== undefined) this.#tableByName.set(`${record.namespace}.${record.name}`, record);
  }

  #changeSegments({ tableId, scope }: Segment, change: (segments: readonly Segment[]) => readonly Segment[]): void {
    const { segments, historyStartsAt } = this.#flushed(tableId, scope);
    this.#setFlushed({ table: tableId, scope }, { segments: change(segments), historyStartsAt });
  }

  #setFlushed(
    { table, scope }: { readonly table: TableId; readonly scope: Scope },
    { segments, historyStartsAt }: Omit<Flushed, "upTo">,
  ): void {
    const scopes: ScopeSegments = this.#segments.get(table) ?? new Map();
    this.#segments.set(table, scopes);
    const upTo = segments.reduce((highest, { maxSeq }) => (maxSeq > highest ? maxSeq : highest), historyStartsAt);
    if (upTo === NO_SEQ) scopes.delete(scope);
    else scopes.set(scope, { segments, historyStartsAt, upTo });
    if (scopes.size === 0) this.#segments.delete(table);
  }
}

/** Returns the change that undoes it. */
function putRecord<K, V, C extends { readonly id: K; readonly record: V | undefined }>(map: Map<K, V>, change: C): C {
  const undo = { ...change, record: map.get(change.id) };
  setOrDelete(map, change.id, change.record);
  return undo;
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
