// A real store with its flusher and a compactor over it, and what a reader of buffer and files would find.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Scope, Seq } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import { type CompactionSettings, type Compactor, createCompactor } from "../../../src/storage/cold/compact.ts";
import { createFlusher, type Flusher, type FlusherDeps, type ScopeFlushed } from "../../../src/storage/cold/flush.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { createRetiredFiles, type RetiredFiles } from "../../../src/storage/cold/retired-files.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import type { ObjectStore } from "../../../src/storage/objects/object-store.ts";
import type { StoreOptions } from "../../../src/storage/store.ts";
import { openTestStore, type TestStore, write } from "../open-test-store.ts";

export const HOUR_MS = 3_600_000;
export const GRACE_MS = 60_000;

export interface CompactionFixture extends AsyncDisposable {
  readonly store: TestStore;
  readonly storageDir: string;
  readonly objects: ObjectStore;
  readonly flusher: Flusher;
  readonly compactor: Compactor;
  readonly retired: RetiredFiles;
  reopen(): Promise<void>;
}

export interface FixtureOptions {
  readonly settings?: Partial<CompactionSettings>;
  readonly flusher?: Partial<FlusherDeps>;
  readonly store?: Partial<StoreOptions>;
}

export function openCompactionFixture(options: FixtureOptions = {}): CompactionFixture {
  const store = openTestStore(options.store);
  const storageDir = join(store.dataDir, "storage");
  const objects = openFilesystemStore(storageDir);
  const assemble = (): Pick<CompactionFixture, "flusher" | "compactor" | "retired"> => {
    const { writer, catalog, path } = store.current;
    const { clock } = store;
    const flusher = createFlusher({ databasePath: path, storageDir, writer, clock, ...options.flusher });
    const retired = createRetiredFiles({
      objects,
      databasePath: path,
      writer,
      clock,
      log: silentLog,
      graceMs: GRACE_MS,
    });
    const settings = {
      minRuns: 3,
      targetRows: 100_000,
      targetBytes: 64 << 20,
      tombstoneRetentionMs: HOUR_MS,
      ...options.settings,
    };
    const compactor = createCompactor({
      storageDir,
      catalog,
      writer,
      worker: flusher.worker,
      clock,
      settings,
      retired,
    });
    return { flusher, compactor, retired };
  };
  let parts = assemble();
  return {
    store,
    storageDir,
    objects,
    get flusher() {
      return parts.flusher;
    },
    get compactor() {
      return parts.compactor;
    },
    get retired() {
      return parts.retired;
    },
    async reopen() {
      parts.flusher.close();
      await store.reopen();
      parts = assemble();
    },
    async [Symbol.asyncDispose]() {
      parts.flusher.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

export interface ScopeOf {
  readonly table: TableSchema;
  readonly scope: Scope;
}

export async function putRow(fixture: CompactionFixture, at: ScopeOf, cells: readonly Cell[]): Promise<RowVersion> {
  return (await fixture.store.current.writer.submit((tx) => write(tx, { ...at, cells }))).value;
}

export async function putRows(
  fixture: CompactionFixture,
  at: ScopeOf,
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  await fixture.store.current.writer.submit((tx) => {
    for (const cells of rows) write(tx, { ...at, cells });
  });
}

export async function removeRow(fixture: CompactionFixture, at: ScopeOf, cells: readonly Cell[]): Promise<RowVersion> {
  return (await fixture.store.current.writer.submit((tx) => write(tx, { ...at, cells, deleted: true }))).value;
}

export function flush({ store, flusher }: CompactionFixture, { table, scope }: ScopeOf): Promise<ScopeFlushed> {
  const schema = store.current.catalog.tableById(table.id) ?? table;
  return flusher.flushScope({ schema, scope, upTo: store.current.writer.position });
}

/** Newest stored version of each key, by its text: buffered, or else the newest of all files that the catalog names. */
export async function newestVersions(
  fixture: Pick<CompactionFixture, "store" | "objects">,
  { table, scope }: ScopeOf,
): Promise<Map<string, RowVersion>> {
  const { catalog, reader } = fixture.store.current;
  const newest = new Map<string, RowVersion>();
  const take = (row: RowVersion): void => {
    const key = String(row.cells[table.keyIndex]);
    const known = newest.get(key);
    if (known === undefined || row.seq > known.seq) newest.set(key, row);
  };
  const schema = catalog.tableById(table.id) ?? table;
  for (const { path, rows } of catalog.segments(table.id, scope)) {
    for await (const batch of readSegment({ objects: fixture.objects, path, schema, scope, expectedRows: rows })) {
      for (const row of batch) take(row);
    }
  }
  const names = ["_seq", "_deleted", ...schema.columns.map(({ id }) => `c${id}`)].join(", ");
  const owned = table.kind === "user" ? "_user = ?1" : "_user = ?1 OR TRUE";
  const keys = reader
    .all(`SELECT ${names} FROM hot_${table.id} WHERE ${owned}`, [scope])
    .map((row) => row[2 + table.keyIndex]);
  for (const key of keys) {
    const row = reader.get(schema, scope, typeof key === "number" ? BigInt(key) : (key ?? null));
    if (row !== undefined) take(row);
  }
  return newest;
}

export function segmentRows({ store }: CompactionFixture, { table, scope }: ScopeOf): number[] {
  return store.current.catalog.segments(table.id, scope).map(({ rows }) => rows);
}

export function historyStartsAt({ store }: CompactionFixture, { table, scope }: ScopeOf): Seq {
  return store.current.catalog.historyStartsAt(table.id, scope);
}

/** Relative paths of everything below the storage folder. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export function committedPaths({ store }: CompactionFixture): string[] {
  return store.current.catalog
    .allSegments()
    .map(({ path }) => path)
    .sort();
}
