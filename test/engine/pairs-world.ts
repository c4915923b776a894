// A table with flushed and buffered rows of two users, everything that may be done to it, and a place to stand in the middle of each.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { runRequest } from "../../src/engine/batch.ts";
import { userCleanupKind } from "../../src/jobs/user-cleanup-kind.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { createCompactor } from "../../src/storage/cold/compact.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import { createRetiredFiles } from "../../src/storage/cold/retired-files.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";
import { openStore } from "../../src/storage/store.ts";
import { ALICE, temporaryFolder } from "../storage/open-test-store.ts";
import { openEngine } from "./engine-fixture.ts";
import { MADE, type Model } from "./pairs-model.ts";

const HOUR_MS = 3_600_000;
const ALICE_ID = parseUserId("alice");

export type World = Awaited<ReturnType<typeof openWorld>>;

export async function openWorld() {
  const engine = await openEngine();
  const { store, deps, hooks } = engine;
  const { catalog, path } = store.current;
  const storageDir = join(store.dataDir, "storage");
  const objects = openFilesystemStore(storageDir);
  const { writer } = deps;
  const { clock } = store;
  // One of its own, whose commits wait for no other's.
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock });
  const retired = createRetiredFiles({ objects, databasePath: path, writer, clock, log: silentLog, graceMs: HOUR_MS });
  const settings = { minRuns: 3, targetRows: 1_000, targetBytes: 1 << 20, tombstoneRetentionMs: HOUR_MS };
  const compactor = createCompactor({ storageDir, catalog, writer, worker: flusher.worker, clock, settings, retired });
  const table = (): TableSchema | undefined => catalog.table("app", "t");

  /** Every scope, whatever is in it; nothing where there is no table. */
  const flush = async (): Promise<void> => {
    if (table() !== undefined) await engine.flush("app", "t");
  };

  const merge = async (): Promise<void> => {
    const schema = table();
    const { signal } = new AbortController();
    if (schema !== undefined) await compactor.compactScope({ table: schema.id, scope: ALICE, mode: "full", signal });
  };

  const as = async (user: string, sql: string): Promise<unknown> => engine.run(sql, { user, role: "user" });

  return {
    engine,
    flush,
    merge,
    flushAlice: () => {
      const schema = table();
      if (schema === undefined) throw new Error("the test has a table");
      return flusher.flushScope({ schema, scope: ALICE, upTo: writer.position });
    },
    /** The files that merges replaced go. */
    removeReplaced: async () => {
      clock.monotonic += HOUR_MS;
      await retired.sweep();
    },
    alice: (sql: string) => as("alice", sql),
    root: async (sql: string): Promise<unknown> => engine.run(sql),
    /** As TRUNCATE does when there are more rows than one statement may write. */
    truncateWhole: async (): Promise<unknown> =>
      runRequest(
        {
          sql: "TRUNCATE t",
          params: [],
          session: { user: ALICE_ID, role: "user", namespace: namespaceOf(deps) },
          signal: undefined,
        },
        { ...deps, limits: { ...deps.limits, maxRowsPerStatement: 0 } },
      ),
    /** The end of alice, whose grace period is over. */
    async cleanUp() {
      await store.current.writer.submit((tx) => tx.putUser(goneUser()));
      const kind = userCleanupKind({
        catalog,
        writer,
        clock,
        cleanup: {
          graceMs: 0,
          removeFiles: (segments) => retired.retire(segments),
          removeExports: () => undefined,
          trimmed: () => store.current.trimmed(),
        },
      });
      const context = {
        jobId: "UC-1",
        signal: new AbortController().signal,
        progress: () => undefined,
        used: () => undefined,
      };
      await kind.open({ user: "alice" }).run(context);
    },
    /** A table as the model says it is before anything happens. */
    async begin() {
      hooks.beforeRead = undefined;
      hooks.beforeSubmit = undefined;
      await engine.run("DROP TABLE IF EXISTS t");
      for (const step of MADE) {
        if (step === "flush") await flush();
        else if (typeof step === "string") await engine.run(step);
        else await as(step[0], step[1]);
      }
    },
    /** Before the writer is asked for the `skip + 1`th time. */
    beforeSubmit(middle: () => Promise<unknown>, skip = 0) {
      let asked = 0;
      hooks.beforeSubmit = async () => {
        asked += 1;
        if (asked <= skip) return;
        hooks.beforeSubmit = undefined;
        await middle();
      };
    },
    /** Before a query process is asked. */
    beforeRead(middle: () => Promise<unknown>) {
      hooks.beforeRead = async () => {
        hooks.beforeRead = undefined;
        await middle();
      };
    },
    hasMiddleCome: () => hooks.beforeRead === undefined && hooks.beforeSubmit === undefined,
    /** Rows as a query sees them, in the form of the model. */
    async rows(): Promise<Model> {
      const schema = table();
      if (schema === undefined) return { columns: undefined, alice: new Map(), bob: new Map() };
      const columns = schema.columns.map(({ name }) => String(name));
      const rowsOf = async (user: string) => {
        const rows = await engine.rows("SELECT * FROM t ORDER BY id", { user, role: "user" });
        return new Map(rows.map((row) => [Number(row[0]), rowOf(columns, row)]));
      };
      return { columns, alice: await rowsOf("alice"), bob: await rowsOf("bob") };
    },
    async count(): Promise<number> {
      return Number((await engine.rows("SELECT count(*) FROM t", { user: "alice", role: "user" }))[0]?.[0]);
    },
    buffered: (): number => {
      const schema = table();
      return schema === undefined ? 0 : store.current.writer.bufferedRows(schema.id, ALICE);
    },
    /** What a start would count after a `kill -9` at this moment. */
    async bufferedAfterDeath(): Promise<number> {
      using copy = temporaryFolder();
      for (const name of ["kalamdb.sqlite", "kalamdb.sqlite-wal"]) {
        const from = join(store.dataDir, name);
        if (existsSync(from)) cpSync(from, join(copy.path, name));
      }
      mkdirSync(join(copy.path, "storage"));
      const died = openStore({ dataDir: copy.path, durability: "normal", clock, log: silentLog });
      const schema = died.catalog.table("app", "t");
      const rows = schema === undefined ? 0 : died.writer.bufferedRows(schema.id, ALICE);
      await died.close();
      return rows;
    },
    trimmed: () => store.current.trimmed(),
    async [Symbol.asyncDispose]() {
      flusher.close();
      await engine[Symbol.asyncDispose]();
    },
  };
}

export function rowOf(columns: readonly string[], row: readonly unknown[]): Record<string, string | null> {
  const textOf = (cell: unknown): string | null => (typeof cell === "string" ? cell : (JSON.stringify(cell) ?? null));
  return Object.fromEntries(columns.map((name, place) => [name, row[place] === null ? null : textOf(row[place])]));
}

function namespaceOf({
  catalog,
}: {
  readonly catalog: { namespaces(): readonly { readonly name: TableSchema["namespace"] }[] };
}) {
  const found = catalog.namespaces().find(({ name }) => name === "app");
  if (found === undefined) throw new Error("the fixture has a namespace");
  return found.name;
}

function goneUser() {
  return {
    id: ALICE_ID,
    passwordHash: "",
    oauth: undefined,
    role: "user" as const,
    email: undefined,
    failedLogins: 0,
    lockedUntilMs: undefined,
    lastLoginAtMs: undefined,
    createdAtMs: 1,
    updatedAtMs: 1,
    deletedAtMs: 1,
    tokensValidFromMs: 0,
    sessions: [],
  };
}
