// A real store, a real flusher and a pool of real query processes over it.
import { join } from "node:path";
import type { Scope } from "../../../src/base/ids.ts";
import { seqOf } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { QueryRelation, QueryRequest } from "../../../src/engine/query/messages.ts";
import { createQueryPool, type QueryPool, type QueryPoolOptions } from "../../../src/engine/query/pool.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, type SqliteValue, type SqlType } from "../../../src/model/sql-type.ts";
import { TYPES } from "../../../src/model/types.ts";
import { createFlusher, type Flusher, type FlusherDeps } from "../../../src/storage/cold/flush.ts";
import { isScopedByUser } from "../../../src/storage/hot/relation.ts";
import type { StoreOptions } from "../../../src/storage/store.ts";
import { openTestStore, type TestStore } from "../../storage/open-test-store.ts";

export interface QueryFixture extends AsyncDisposable {
  readonly store: TestStore;
  readonly storageDir: string;
  readonly flusher: Flusher;
  readonly pool: QueryPool;
}

export function poolOptions(paths: { databasePath: string; storageDir: string }): QueryPoolOptions {
  return {
    processes: 2,
    // None that a busy machine could reach: what a test wants to see stopped has a deadline of its own.
    timeoutMs: 100_000,
    memoryLimitBytes: 256 << 20,
    maxResultBytes: 16 << 20,
    coldCacheBytes: 64 << 20,
    maxQueue: 100,
    command: [process.execPath, join(import.meta.dir, "query-process-entry.ts")],
    // What it holds is what the test made it hold.
    warmsUp: false,
    log: silentLog,
    ...paths,
  };
}

export function openQueryFixture(
  options: { pool?: Partial<QueryPoolOptions>; flusher?: Partial<FlusherDeps>; store?: Partial<StoreOptions> } = {},
): QueryFixture {
  const store = openTestStore(options.store);
  const storageDir = join(store.dataDir, "storage");
  const { writer, path } = store.current;
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock: store.clock, ...options.flusher });
  const pool = createQueryPool({ ...poolOptions({ databasePath: path, storageDir }), ...options.pool });
  return {
    store,
    storageDir,
    flusher,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.close();
      flusher.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** A text without holes. */
export function textRequest(
  sql: string,
  options: { values?: readonly SqliteValue[]; output?: readonly SqlType[] } = {},
): QueryRequest {
  return {
    sql: [sql],
    values: options.values ?? [],
    relations: [],
    output: options.output ?? [BIGINT],
    format: "json",
  };
}

export interface TableRead {
  readonly schema: TableSchema;
  readonly scope: Scope;
  readonly includeDeleted?: boolean;
  readonly keys?: readonly Cell[];
  readonly where?: string;
}

/** Parameter 1 is the scope. */
export function relationOf({ schema, scope, includeDeleted = false, keys }: TableRead): QueryRelation {
  return {
    kind: "table",
    schema,
    scope,
    scopeParameter: isScopedByUser(schema.kind) ? 1 : undefined,
    includeDeleted,
    keys,
    places: undefined,
    conditions: [],
    top: undefined,
  };
}

/** Every column, `_seq` and `_deleted` of a table as cells. */
export function tableRequest(read: TableRead): QueryRequest {
  const { schema, scope, where } = read;
  const columns = schema.columns.map(({ id, type }) =>
    TYPES[type.kind].wide ? `CAST(r0.c${id} AS TEXT)` : `r0.c${id}`,
  );
  const select = ["CAST(r0._seq AS TEXT)", "r0._deleted", ...columns].join(", ");
  return {
    sql: [`SELECT ${select} FROM `, 0, ` AS r0${where === undefined ? "" : ` WHERE ${where}`} ORDER BY r0._seq`],
    values: [scope],
    relations: [relationOf(read)],
    output: [BIGINT, BOOLEAN, ...schema.columns.map(({ type }) => type)],
    format: "cells",
  };
}

export function versionsOf(rows: readonly (readonly Cell[])[]): RowVersion[] {
  return rows.map(([seq, deleted, ...cells]) => ({
    seq: seqOf(BigInt(String(seq))),
    deleted: deleted === true,
    cells,
  }));
}
