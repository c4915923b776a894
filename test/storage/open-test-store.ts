// A real store in a folder of its own, with a clock that tests move, removed with `await using`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/base/clock.ts";
import { type Name, parseName, parseUserId, type Scope, scopeOfUser } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import type { RowVersion } from "../../src/model/change.ts";
import type { TableKind, TableSchema } from "../../src/model/schema.ts";
import { BIGINT, type Cell, type SqlType, TEXT } from "../../src/model/sql-type.ts";
import type { TableDefinition } from "../../src/storage/catalog/catalog-transaction.ts";
import type { WriteTx } from "../../src/storage/seams.ts";
import { openStore, type Store, type StoreOptions } from "../../src/storage/store.ts";

export interface TestClock extends Clock {
  wallMs: number;
  monotonic: number;
}

export function testClock(wallMs = 1_750_000_000_000): TestClock {
  return {
    wallMs,
    monotonic: 0,
    nowMs() {
      return this.wallMs;
    },
    monotonicMs() {
      return this.monotonic;
    },
  };
}

export function temporaryFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), "kalamdb-store-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface TestStore extends AsyncDisposable {
  readonly dataDir: string;
  readonly clock: TestClock;
  /** The open store; another one after `reopen`. */
  readonly current: Store;
  reopen(): Promise<Store>;
}

export function openTestStore(options: Partial<StoreOptions> = {}): TestStore {
  const folder = temporaryFolder();
  const clock = testClock();
  const dataDir = options.dataDir ?? folder.path;
  const open = (): Store => openStore({ dataDir, durability: "normal", clock, log: silentLog, ...options });
  let store = open();
  return {
    dataDir,
    clock,
    get current() {
      return store;
    },
    async reopen() {
      await store.close();
      store = open();
      return store;
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}

export const CHAT = parseName("chat");
export const ALICE = scopeOfUser(parseUserId("alice"));
export const BOB = scopeOfUser(parseUserId("bob"));

export function columnsOf(types: Readonly<Record<string, SqlType>>): TableSchema["columns"] {
  return Object.entries(types).map(([name, type], index) => ({
    id: index + 1,
    name: parseName(name),
    type,
    nullable: index > 0,
    default: undefined,
  }));
}

/** A table `(id BIGINT PRIMARY KEY, body TEXT)`. */
export function definition(name: string, kind: TableKind = "user", namespace: Name = CHAT): TableDefinition {
  return {
    namespace,
    name: parseName(name),
    kind,
    columns: columnsOf({ id: BIGINT, body: TEXT }),
    keyIndex: 0,
    options: { storageId: "local", flushPolicy: undefined, accessLevel: "private" },
  };
}

export async function createTable(store: Store, name: string, kind: TableKind = "user"): Promise<TableSchema> {
  const { value } = await store.writer.submit((tx) => {
    if (tx.catalog.namespace(CHAT) === undefined) tx.createNamespace(CHAT);
    return tx.createTable(definition(name, kind));
  });
  return value;
}

/** Writes a version of a key as a statement would: the live version, if there is one, is what it replaces. */
export function write(tx: WriteTx, { table, scope, cells, deleted = false }: WriteOptions): RowVersion {
  const found = tx.get(table, scope, cells[table.keyIndex] ?? null);
  return tx.put(table, scope, cells, { deleted, before: found?.deleted === true ? undefined : found });
}

export interface WriteOptions {
  readonly table: TableSchema;
  readonly scope: Scope;
  readonly cells: readonly Cell[];
  readonly deleted?: boolean;
}

/** What a promise that must reject rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const [outcome] = await Promise.allSettled([promise]);
  if (outcome.status === "fulfilled") throw new Error("expected a rejection");
  return outcome.reason;
}
