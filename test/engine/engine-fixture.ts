// An engine over a real store, flusher and query processes, with a place to stand between a statement's read and its write.
import { join } from "node:path";
import { type Name, parseName, parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { runRequest } from "../../src/engine/batch.ts";
import { createDefaultGenerator } from "../../src/engine/defaults.ts";
import type { EngineDeps } from "../../src/engine/deps.ts";
import { createPreparer } from "../../src/engine/prepare.ts";
import { createQueryPool } from "../../src/engine/query/pool.ts";
import { createQueryRunner } from "../../src/engine/query/runner.ts";
import type { QueryRunner } from "../../src/engine/reads.ts";
import { Turns } from "../../src/engine/turns.ts";
import { SYSTEM_VIEWS } from "../../src/engine/views/registry.ts";
import { createJobs } from "../../src/jobs/jobs.ts";
import type { Role } from "../../src/model/role.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import type { Cell } from "../../src/model/sql-type.ts";
import type { StatementResult } from "../../src/protocol/http.ts";
import { createGenerators } from "../../src/sql/functions/generators.ts";
import { registerFunctions } from "../../src/sql/functions/register.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { createFlusher, type FlusherDeps } from "../../src/storage/cold/flush.ts";
import type { Writer } from "../../src/storage/seams.ts";
import { openTestStore, type TestStore } from "../storage/open-test-store.ts";
import { NO_OTHER_JOBS } from "../support/no-other-jobs.ts";
import { testCompaction } from "../support/test-compaction.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** Code that runs at a moment no client can choose. */
export interface Hooks {
  /** A statement is planned and bound; no query process has been asked. */
  beforeRead?: (() => Promise<void>) | undefined;
  /** A query process has answered; the statement has not gone on. */
  afterRead?: (() => Promise<void>) | undefined;
  /** All is read that a statement, a flush or a merge goes by; the writer has not been asked. */
  beforeSubmit?: (() => Promise<void>) | undefined;
  /** A work has run in the open transaction; nothing is committed yet. */
  afterWork?: (() => void) | undefined;
  /** What was flushed stays in the buffer's table. */
  keepsLeftovers?: boolean;
}

export interface EngineFixture extends AsyncDisposable {
  readonly store: TestStore;
  readonly deps: EngineDeps;
  readonly hooks: Hooks;
  /** Every result of a request. */
  run(sql: string, as?: { user?: string; role?: Role; params?: readonly Cell[] }): Promise<readonly StatementResult[]>;
  /** Rows of the last result, decoded. */
  rows(sql: string, as?: { user?: string; role?: Role }): Promise<unknown[][]>;
  /** Moves everything a table has buffered into Parquet. */
  flush(namespace: string, table: string): Promise<void>;
  /** Merges the files of each scope into one run. */
  compact(namespace: string, table: string): Promise<void>;
}

function hookedRunner(runner: QueryRunner, hooks: Hooks): QueryRunner {
  return {
    async json(query, signal) {
      await hooks.beforeRead?.();
      return runner.json(query, signal);
    },
    async cells(query, signal) {
      await hooks.beforeRead?.();
      const answer = await runner.cells(query, signal);
      await hooks.afterRead?.();
      return answer;
    },
    explain: (query, options) => runner.explain(query, options),
    clearCaches: () => runner.clearCaches(),
  };
}

function hookedWriter(writer: Writer, hooks: Hooks): Writer {
  return {
    get position() {
      return writer.position;
    },
    submit(work) {
      if (hooks.beforeSubmit !== undefined) return hooks.beforeSubmit().then(() => writer.submit(work));
      const outcome = writer.submit(work);
      const hook = hooks.afterWork;
      hooks.afterWork = undefined;
      hook?.();
      return outcome;
    },
    submitInSlices(work) {
      if (hooks.beforeSubmit !== undefined) return hooks.beforeSubmit().then(() => writer.submitInSlices(work));
      return writer.submitInSlices(work);
    },
    onCommit: (listener) => writer.onCommit(listener),
    bufferedRows: (table, scope) => writer.bufferedRows(table, scope),
    bufferedScopes: (table) => writer.bufferedScopes(table),
    close: () => writer.close(),
  };
}

export async function openEngine(
  options: { readonly flusher?: Partial<FlusherDeps>; readonly coldCacheBytes?: number } = {},
): Promise<EngineFixture> {
  const hooks: Hooks = {};
  const generators = createGenerators({ nowMs: Date.now, monotonicMs: () => performance.now() });
  const failpoint = (name: string): void => {
    if (name === "trim" && hooks.keepsLeftovers === true) throw new Error("kept");
  };
  const store = openTestStore({ failpoint, registerFunctions: (db) => registerFunctions(db, generators) });
  const storageDir = join(store.dataDir, "storage");
  const storageAccess = {
    dataDir: store.dataDir,
    sealingKey: new Uint8Array(32).toBase64(),
    requestTimeoutMs: 60_000,
    readCacheBytes: 1 << 20,
    s3Credentials: undefined,
  };
  const { catalog, reader, path } = store.current;
  const writer = hookedWriter(store.current.writer, hooks);
  const pool = createQueryPool({
    processes: 2,
    timeoutMs: 100_000,
    memoryLimitBytes: 512 << 20,
    maxResultBytes: 16 << 20,
    coldCacheBytes: options.coldCacheBytes ?? 16 << 20,
    maxQueue: 1_000,
    databasePath: path,
    storageDir,
    command: [process.execPath, MAIN, "__query-process"],
    log: silentLog,
  });
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock: store.clock, ...options.flusher });
  const { compaction } = testCompaction({ store: store.current, storageDir, flusher, clock: store.clock });
  const jobs = createJobs({
    ...NO_OTHER_JOBS,
    clock: store.clock,
    log: silentLog,
    catalog,
    writer,
    compaction,
    maxConcurrent: 2,
    maxQueued: 10,
    flushScope: (request) => flusher.flushScope(request),
  });
  const unused = (): never => {
    throw new Error("not part of this test");
  };
  const deps: EngineDeps = {
    clock: store.clock,
    log: silentLog,
    catalog,
    writer,
    indexes: store.current.indexes,
    retireFiles: () => undefined,
    reader,
    queries: hookedRunner(createQueryRunner(pool, store.current.streams), hooks),
    preparer: createPreparer({ parser: await loadParser(), catalog, generators, maxPlans: 100 }),
    defaults: createDefaultGenerator(generators),
    serverUrl: () => "http://localhost",
    views: {
      catalog,
      liveQueries: () => [],
      connections: () => [],
      auditLog: () => [],
      serverLog: () => [],
      settings: () => [],
      stats: () => [],
      storageFolder: storageDir,
      versionedJson: new Map(),
      views: () => SYSTEM_VIEWS.values(),
    },
    accounts: { createUser: unused, alterUser: unused, dropUser: unused, restoreUser: unused },
    audit: async () => undefined,
    apiKeys: { create: unused, drop: unused, list: unused },
    files: { add: unused, settle: unused },
    storages: { access: storageAccess, settled: () => Promise.resolve(), epoch: store.current.epoch },
    live: {
      killConnection: unused,
      ownerOf: unused,
      killLiveQuery: unused,
      subscriptionsOf: () => 0,
      subscriptionsOfView: () => 0,
    },
    jobs,
    contended: new Turns(100),
    tableDefinitionRole: "user",
    limits: { maxRowsPerStatement: 50, maxWriteBytes: 100_000, maxResultBytes: 50_000 },
  };
  const namespace: Name = parseName("app");
  const run: EngineFixture["run"] = async (sql, { user = "root", role = "system", params = [] } = {}) =>
    runRequest({ sql, params, session: { user: parseUserId(user), role, namespace }, signal: undefined }, deps);
  await run("CREATE NAMESPACE app");
  const tableOf = (space: string, table: string): TableSchema => {
    const schema = catalog.table(space, table);
    if (schema === undefined) throw new Error(`no table ${space}.${table}`);
    return schema;
  };
  return {
    store,
    deps,
    hooks,
    run,
    async rows(sql, as) {
      const [last] = (await run(sql, as)).slice(-1);
      return JSON.parse(last?.rowsJson ?? "[]") as unknown[][];
    },
    async flush(space, table) {
      const schema = tableOf(space, table);
      for (const scope of writer.bufferedScopes(schema.id)) {
        await flusher.flushScope({ schema, scope, upTo: writer.position });
      }
    },
    async compact(space, table) {
      const schema = tableOf(space, table);
      const scopes = new Set(catalog.segmentsOfTable(schema.id).map(({ scope }) => scope));
      const { signal } = new AbortController();
      for (const scope of scopes) await compaction.compactScope(schema, scope, { mode: "full", signal });
    },
    async [Symbol.asyncDispose]() {
      await jobs.stop();
      flusher.close();
      await pool.close();
      await store[Symbol.asyncDispose]();
    },
  };
}
