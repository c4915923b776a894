// A storage that is dropped, or given another place, while a flush or a merge writes to it: what nobody would find is not committed.
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import type { TableSchema } from "../../src/model/schema.ts";
import { DEFAULT_LOCAL_STORAGE, type Storage } from "../../src/model/storage.ts";
import { openServerStorages } from "../../src/server/storages.ts";
import { createCompactor } from "../../src/storage/cold/compact.ts";
import { createFlusher } from "../../src/storage/cold/flush.ts";
import type { Writer, WriteTx } from "../../src/storage/seams.ts";
import {
  ALICE,
  CHAT,
  definition,
  failureOf,
  openTestStore,
  temporaryFolder,
  write,
} from "../storage/open-test-store.ts";

/** A table in storage `eu`, and what runs when a file is written and its commit is not asked for yet. */
async function openWorld() {
  const outside = temporaryFolder();
  const testStore = openTestStore();
  const { current: store, clock, dataDir } = testStore;
  for (const name of ["a", "b"]) mkdirSync(join(outside.path, name));
  const eu: Storage = { ...DEFAULT_LOCAL_STORAGE, id: "eu", base: join(outside.path, "a"), updatedAtMs: 1 };
  const { value: table } = await store.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    tx.putStorage(eu);
    const notes = definition("notes");
    return tx.createTable({ ...notes, options: { ...notes.options, storageId: "eu" } });
  });
  const storages = await openServerStorages({
    dataDir,
    store,
    config: configOf({}),
    sealingKey: new Uint8Array(32),
    log: silentLog,
    seam: undefined,
  });
  const hooks: { between?: ((tx: WriteTx) => void) | undefined } = {};
  const { writer, catalog, path } = store;
  const hooked: Pick<Writer, "submit"> = {
    async submit(work) {
      const { between } = hooks;
      hooks.between = undefined;
      if (between !== undefined) await writer.submit(between);
      return writer.submit(work);
    },
  };
  const { places } = storages;
  const parts = { storageDir: join(dataDir, "storage"), places, clock, writer: { ...bound(writer), ...hooked } };
  const flusher = createFlusher({ ...parts, databasePath: path });
  const settings = { minRuns: 3, targetRows: 1_000, targetBytes: 1 << 20, tombstoneRetentionMs: 1 };
  const retired = { retire: () => undefined, doubt: () => undefined };
  const compactor = createCompactor({ ...parts, catalog, worker: flusher.worker, settings, retired });
  const { signal } = new AbortController();
  return {
    store,
    table,
    eu,
    elsewhere: join(outside.path, "b"),
    hooks,
    put: (id: bigint) => writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [id, "x"] })),
    flush: () => flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position }),
    merge: () => compactor.compactScope({ table: table.id, scope: ALICE, mode: "full", signal }),
    async [Symbol.asyncDispose]() {
      flusher.close();
      await testStore[Symbol.asyncDispose]();
      outside[Symbol.dispose]();
    },
  };
}

function bound(writer: Writer): Writer {
  return {
    get position() {
      return writer.position;
    },
    submit: (work) => writer.submit(work),
    submitInSlices: (work) => writer.submitInSlices(work),
    onCommit: (listener) => writer.onCommit(listener),
    bufferedRows: (table, scope) => writer.bufferedRows(table, scope),
    bufferedScopes: (table) => writer.bufferedScopes(table),
    close: () => writer.close(),
  };
}

type World = Awaited<ReturnType<typeof openWorld>>;

const CHANGES: readonly (readonly [string, boolean, (world: World) => (tx: WriteTx) => void])[] = [
  ["dropped", true, () => (tx) => tx.deleteStorage("eu")],
  [
    "given another place",
    true,
    ({ eu, elsewhere }) =>
      (tx) =>
        tx.putStorage({ ...eu, base: elsewhere, updatedAtMs: 2 }),
  ],
  [
    "given another template",
    false,
    ({ eu }) =>
      (tx) =>
        tx.putStorage({ ...eu, userTablesTemplate: "v2/{namespace}/{tableName}/{userId}", updatedAtMs: 2 }),
  ],
];

const paths = ({ store }: World, { id }: TableSchema): string[] =>
  store.catalog.segments(id, ALICE).map(({ path }) => path);

test.each(CHANGES)(
  "ST-03 ST-07 a flush to a storage that is %s meanwhile commits no file that nobody would find",
  async (_how, isRefused, change) => {
    await using world = await openWorld();
    const { store, table, hooks } = world;
    await world.put(1n);
    hooks.between = change(world);
    if (isRefused) {
      expect(await failureOf(world.flush())).toMatchObject({ code: "WRITE_CONFLICT" });
      expect(store.writer.bufferedRows(table.id, ALICE)).toBe(1);
      expect(store.reader.get(table, ALICE, 1n)?.cells).toEqual([1n, "x"]);
    } else await world.flush();
    // Tried again, or the next one, it goes where the storage is now.
    await world.put(2n);
    await world.flush();
    expect(store.writer.bufferedRows(table.id, ALICE)).toBe(0);
    expect(paths(world, table)).toHaveLength(isRefused ? 1 : 2);
  },
);

test.each(CHANGES)(
  "ST-04 ST-07 a merge in a storage that is %s meanwhile commits no file that nobody would find",
  async (_how, isRefused, change) => {
    await using world = await openWorld();
    const { table, hooks } = world;
    for (const id of [1n, 2n]) {
      await world.put(id);
      await world.flush();
    }
    const before = paths(world, table);
    hooks.between = change(world);
    if (isRefused) {
      expect(await failureOf(world.merge())).toMatchObject({ code: "WRITE_CONFLICT" });
      expect(paths(world, table)).toEqual(before);
    } else {
      await world.merge();
      expect(paths(world, table)).toHaveLength(1);
    }
  },
);
