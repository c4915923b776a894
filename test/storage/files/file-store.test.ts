// TB-04: the life of uploaded files below SQL: a file stays exactly as long as a row holds it, and no step that fails or is cut off leaves one for ever.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { DbError } from "../../../src/base/errors.ts";
import { parseName, type Scope, SHARED_SCOPE } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import { encodeFileRef, type FileRef } from "../../../src/model/file-ref.ts";
import type { TableKind, TableSchema } from "../../../src/model/schema.ts";
import { BIGINT } from "../../../src/model/sql-type.ts";
import { localPlaces } from "../../../src/storage/cold/places.ts";
import { createFileStore, type FileStore, type FileStoreDeps } from "../../../src/storage/files/file-store.ts";
import { releaseFiles } from "../../../src/storage/files/release-files.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import type { Slices } from "../../../src/storage/seams.ts";
import { ALICE, BOB, CHAT, columnsOf, definition, openTestStore, type TestStore } from "../open-test-store.ts";

const GRACE_MS = 60_000;
const COLUMNS = columnsOf({ id: BIGINT, photo: { kind: "file" }, scan: { kind: "file" } });

interface Fixture extends AsyncDisposable {
  readonly store: TestStore;
  readonly storageDir: string;
  readonly table: TableSchema;
  files: FileStore;
  /** With what a test wants otherwise. */
  open(options?: Partial<FileStoreDeps>): FileStore;
  upload(scope: Scope, name?: string): Promise<FileRef>;
  put(scope: Scope, id: bigint, photo: FileRef | null, scan?: FileRef | null): Promise<void>;
  remove(scope: Scope, id: bigint): Promise<void>;
  isStored(scope: Scope, ref: FileRef): boolean;
}

async function openFixture(kind: TableKind = "user"): Promise<Fixture> {
  const store = openTestStore();
  const storageDir = join(store.dataDir, "storage");
  const objects = openFilesystemStore(storageDir);
  const places = localPlaces(storageDir);
  let nextId = 1000n;
  const open = (options: Partial<FileStoreDeps> = {}): FileStore => {
    const { writer, reader } = store.current;
    const newId = (): bigint => (nextId += 1n);
    const rest = { clock: store.clock, log: silentLog, newId, graceMs: GRACE_MS };
    return createFileStore({ objects, places, writer, reader, ...rest, ...options });
  };
  const { value: table } = await store.current.writer.submit((tx) => {
    tx.createNamespace(CHAT);
    return tx.createTable({ ...definition("docs", kind), columns: COLUMNS });
  });
  const source = join(store.dataDir, "source");
  await Bun.write(source, "bytes");
  const cell = (ref: FileRef | null): string | null => (ref === null ? null : encodeFileRef(ref));
  const fixture: Fixture = {
    store,
    storageDir,
    table,
    files: open(),
    open,
    async upload(scope, name = "a.txt") {
      const received = { name, size: 5, mime: "text/plain", sha256: "0".repeat(64), localPath: source };
      const [staged] = await fixture.files.add({ table, scope }, [received]);
      if (staged === undefined) throw new Error("nothing was added");
      return staged.ref;
    },
    async put(scope, id, photo, scan = null) {
      await store.current.writer.submit((tx) => {
        const current = tx.catalog.tableById(table.id) ?? table;
        const before = tx.get(current, scope, id);
        const cells = [id, cell(photo), cell(scan)].slice(0, current.columns.length);
        tx.put(current, scope, cells, { deleted: false, before: before?.deleted === true ? undefined : before });
      });
    },
    async remove(scope, id) {
      await store.current.writer.submit((tx) => {
        const before = tx.get(table, scope, id);
        if (before !== undefined && !before.deleted) tx.put(table, scope, [id, null, null], { deleted: true, before });
      });
    },
    isStored(scope, { id, sub }) {
      const folder = scope === SHARED_SCOPE ? "chat/docs" : "";
      const path = places.folderOf(table, scope);
      expect(path).toContain(folder);
      return existsSync(join(storageDir, path, sub, `${id}-a.txt`));
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return fixture;
}

async function passGrace({ store, files }: Fixture): Promise<void> {
  store.clock.wallMs += GRACE_MS + 1;
  await files.sweep();
}

/** As the clean-up of a dropped user does. */
async function purge({ store }: Fixture, table: TableSchema, scope: Scope): Promise<void> {
  await store.current.writer.submitInSlices(function* (tx): Slices<void> {
    yield* releaseFiles(tx, { table: table.id, scope, nowMs: 0 });
    tx.purgeScope(table, scope);
  });
}

test("TB-04 the files of a scope are let go of in slices of a bounded number of files, and in one transaction", async () => {
  await using f = await openFixture();
  const { writer, reader } = f.store.current;
  const ids = Array.from({ length: 1_200 }, (_unused, index) => String(5_000 + index));
  const description = { name: "a.txt", size: 1, mime: "text/plain", sha256: "0".repeat(64), folder: "f" };
  const taken = { table: f.table.id, scope: ALICE };
  await writer.submit((tx) => {
    const refs = ids.map((id) => tx.withFiles((files) => files.stage({ ...taken, id, ...description }, 1).ref));
    for (const [row, ref] of refs.entries()) {
      tx.put(f.table, ALICE, [BigInt(row), encodeFileRef(ref), null], { deleted: false, before: undefined });
    }
  });
  const held = (): unknown =>
    reader.all("SELECT (SELECT count(*) FROM file_uses), (SELECT count(*) FROM files WHERE idle_since_ms IS NULL)", []);
  expect(held()).toEqual([[1_200, 1_200]]);
  const seen: unknown[] = [];
  await writer.submitInSlices(function* (tx): Slices<void> {
    for (const _slice of releaseFiles(tx, { ...taken, nowMs: 7 })) {
      seen.push(tx.all("SELECT count(*) FROM file_uses", []), held());
      yield;
    }
  });
  const committed = [[1_200, 1_200]];
  expect(seen).toEqual([[[700n]], committed, [[200n]], committed, [[0n]], committed]);
  expect(held()).toEqual([[0, 0]]);
});

test("TB-04 a file stays while any row holds it, and goes a grace after the last", async () => {
  await using f = await openFixture();
  const ref = await f.upload(ALICE);
  await f.put(ALICE, 1n, ref);
  await f.put(ALICE, 2n, null, ref);
  await passGrace(f);
  await f.put(ALICE, 1n, null);
  await passGrace(f);
  expect(f.files.find({ table: f.table, scope: ALICE }, ref.id)?.ref).toEqual(ref);
  await f.remove(ALICE, 2n);
  // From here on nobody is given it, but a row that comes back within the grace may hold it again.
  expect(f.files.find({ table: f.table, scope: ALICE }, ref.id)).toBeUndefined();
  expect(f.isStored(ALICE, ref)).toBe(true);
  await f.put(ALICE, 3n, ref);
  await passGrace(f);
  expect(f.isStored(ALICE, ref)).toBe(true);
  await f.remove(ALICE, 3n);
  await passGrace(f);
  expect(f.isStored(ALICE, ref)).toBe(false);
  expect(f.put(ALICE, 4n, ref)).rejects.toMatchObject({ code: "INVALID_VALUE" } satisfies Partial<DbError>);
});

test("TB-03 TB-04 a reference of another scope or with another word in it is refused as an unknown one", async () => {
  await using f = await openFixture();
  const ref = await f.upload(ALICE);
  await f.put(ALICE, 1n, ref);
  for (const wrong of [ref, { ...ref, mime: "text/html" }, { ...ref, size: 6 }]) {
    const scope = wrong === ref ? BOB : ALICE;
    expect(f.put(scope, 2n, wrong)).rejects.toThrow(`file ${ref.id} is not a file of chat.docs`);
  }
  expect(f.files.find({ table: f.table, scope: BOB }, ref.id)).toBeUndefined();
});

test("TB-04 a transaction that is rolled back lets go of nothing and takes nothing", async () => {
  await using f = await openFixture();
  const [held, fresh] = [await f.upload(ALICE), await f.upload(ALICE)];
  await f.put(ALICE, 1n, held);
  const undone = f.store.current.writer.submit((tx) => {
    const before = tx.get(f.table, ALICE, 1n);
    tx.put(f.table, ALICE, [1n, encodeFileRef(fresh), null], { deleted: false, before });
    throw new Error("undone");
  });
  expect(undone).rejects.toThrow("undone");
  await passGrace(f);
  expect([f.isStored(ALICE, held), f.isStored(ALICE, fresh)]).toEqual([true, false]);
});

test("TB-04 settling removes at once what no row took, and nothing else", async () => {
  await using f = await openFixture("shared");
  const [taken, left] = [await f.upload(SHARED_SCOPE), await f.upload(SHARED_SCOPE)];
  await f.put(SHARED_SCOPE, 1n, taken);
  await f.files.settle([taken, left].map(({ id }) => ({ table: f.table.id, scope: SHARED_SCOPE, id })));
  expect([f.isStored(SHARED_SCOPE, taken), f.isStored(SHARED_SCOPE, left)]).toEqual([true, false]);
});

test("TB-04 dropped columns, purged scopes and dropped tables let go of their files", async () => {
  await using f = await openFixture();
  const { writer } = f.store.current;
  const [photo, both, bobs] = [await f.upload(ALICE), await f.upload(ALICE), await f.upload(BOB)];
  await f.put(ALICE, 1n, photo, both);
  await f.put(ALICE, 2n, both);
  await f.put(BOB, 1n, bobs);
  const columns = f.table.columns.filter(({ name }) => name !== parseName("photo"));
  const { value: altered } = await writer.submit((tx) =>
    tx.alterTable(f.table, { columns, keyIndex: 0, options: f.table.options, lastColumnId: 3 }),
  );
  await f.files.sweep();
  await passGrace(f);
  const stored = (): boolean[] => [f.isStored(ALICE, photo), f.isStored(ALICE, both), f.isStored(BOB, bobs)];
  expect(stored()).toEqual([false, true, false]);
  await purge(f, altered, ALICE);
  await passGrace(f);
  expect(stored()).toEqual([false, false, false]);

  const last = await f.upload(BOB);
  await f.store.current.writer.submit((tx) => tx.withFiles((records) => records.takeUnused([])));
  await writer.submit((tx) => tx.dropTable(altered));
  await f.files.sweep();
  await passGrace(f);
  expect(f.isStored(BOB, last)).toBe(false);
  expect(f.store.current.reader.all("SELECT count(*) FROM files", [])).toEqual([[0]]);
  expect(f.store.current.reader.all("SELECT count(*) FROM file_uses", [])).toEqual([[0]]);
});

test("TB-04 a storage that does not remove a file keeps others from nothing, and is asked again", async () => {
  await using f = await openFixture();
  const [stuck, other] = [await f.upload(ALICE), await f.upload(ALICE)];
  let isDown = true;
  const objects = openFilesystemStore(f.storageDir);
  f.files = f.open({
    objects: {
      ...objects,
      create: (key, options) => objects.create(key, options),
      open: (key) => objects.open(key),
      remove: (keys) =>
        isDown && keys.some((key) => key.includes(stuck.id)) ? Promise.reject(new Error("down")) : objects.remove(keys),
    },
  });
  await passGrace(f);
  expect([f.isStored(ALICE, stuck), f.isStored(ALICE, other)]).toEqual([true, false]);
  isDown = false;
  await passGrace(f);
  expect(f.isStored(ALICE, stuck)).toBe(false);
});

test("TB-04 files of one scope are spread over folders of 5,000", async () => {
  await using f = await openFixture();
  const { writer } = f.store.current;
  const stage = (id: number): Promise<unknown> =>
    writer.submit((tx) =>
      tx.withFiles((records) => {
        const rest = { folder: "x", name: "a", size: 0, mime: "a/b", sha256: "0".repeat(64) };
        for (let n = 0; n < 2_500; n += 1) {
          records.stage({ table: f.table.id, scope: ALICE, id: String(id + n), ...rest }, f.store.clock.wallMs);
        }
      }),
    );
  for (let part = 0; part < 4; part += 1) await stage(10_000 + part * 2_500);
  const folders = f.store.current.reader.all(
    "SELECT substr(path, 3, 5) AS sub, count(*) FROM files GROUP BY sub ORDER BY sub",
    [],
  );
  expect(folders).toEqual([
    ["f0001", 5_000],
    ["f0002", 5_000],
  ]);
});

test("TB-04 whatever rows did, exactly the files that a live row holds are left after the grace", async () => {
  const scope = fc.constantFrom(ALICE, BOB);
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("put"), scope, key: fc.nat(3), photo: fc.nat(5), scan: fc.nat(5) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove"), scope, key: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("purge"), scope }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen"), scope }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using f = await openFixture();
      // Of each scope: three files, and three places without one.
      const pool = new Map<Scope, (FileRef | null)[]>();
      for (const each of [ALICE, BOB]) {
        const files = await Promise.all([f.upload(each), f.upload(each), f.upload(each)]);
        pool.set(each, [...files, null, null, null]);
      }
      const model = new Map<string, readonly (FileRef | null)[]>();
      for (const one of steps) {
        const files = pool.get(one.scope) ?? [];
        if (one.kind === "put" && "photo" in one) {
          const row = [files[one.photo] ?? null, files[one.scan] ?? null] as const;
          await f.put(one.scope, BigInt(one.key), ...row);
          model.set(`${one.scope}/${one.key}`, row);
        } else if (one.kind === "remove" && "key" in one) {
          await f.remove(one.scope, BigInt(one.key));
          model.delete(`${one.scope}/${one.key}`);
        } else if (one.kind === "purge") {
          await purge(f, f.table, one.scope);
          for (const key of model.keys()) if (key.startsWith(`${one.scope}/`)) model.delete(key);
        } else {
          await f.store.reopen();
          f.files = f.open();
        }
      }
      await passGrace(f);
      const held = new Set([...model.values()].flat().map((ref) => ref?.id));
      for (const [each, files] of pool) {
        for (const ref of files)
          if (ref !== null) expect([ref.id, f.isStored(each, ref)]).toEqual([ref.id, held.has(ref.id)]);
      }
    }),
    { numRuns: 30 },
  );
});
