import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseUserId, type Scope, SHARED_SCOPE, scopeOfUser } from "../../../src/base/ids.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import { createFlusher, type Flusher, type FlusherDeps } from "../../../src/storage/cold/flush.ts";
import { writeManifest } from "../../../src/storage/cold/manifest.ts";
import { removeOrphans } from "../../../src/storage/cold/orphans.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import type { ParquetThread } from "../../../src/storage/cold/parquet-worker.ts";
import type { WriteStep } from "../../../src/storage/cold/parquet-write.ts";
import { localPlaces } from "../../../src/storage/cold/places.ts";
import { isSegmentFile, segmentTag } from "../../../src/storage/cold/segment-paths.ts";
import { writeScope } from "../../../src/storage/cold/write-scope.ts";
import { openFilesystemStore } from "../../../src/storage/objects/filesystem-store.ts";
import type { ObjectStore } from "../../../src/storage/objects/object-store.ts";
import type { Segment } from "../../../src/storage/seams.ts";
import { ALICE, BOB, createTable, openTestStore, type TestStore, write } from "../open-test-store.ts";
import { rowText } from "./arbitrary.ts";
import { rejection } from "./rejection.ts";

interface Fixture extends AsyncDisposable {
  readonly store: TestStore;
  readonly storageDir: string;
  readonly objects: ObjectStore;
  readonly flusher: Flusher;
}

function openFixture(overrides: Partial<FlusherDeps> = {}): Fixture {
  const store = openTestStore();
  const storageDir = join(store.dataDir, "storage");
  const { writer, path } = store.current;
  const flusher = createFlusher({ databasePath: path, storageDir, writer, clock: store.clock, ...overrides });
  return {
    store,
    storageDir,
    objects: openFilesystemStore(storageDir),
    flusher,
    async [Symbol.asyncDispose]() {
      flusher.close();
      await store[Symbol.asyncDispose]();
    },
  };
}

async function put(
  { store }: Fixture,
  table: TableSchema,
  scope: Scope,
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  await store.current.writer.submit((tx) => {
    for (const cells of rows) write(tx, { table, scope, cells });
  });
}

async function remove({ store }: Fixture, table: TableSchema, scope: Scope, cells: readonly Cell[]): Promise<void> {
  await store.current.writer.submit((tx) => write(tx, { table, scope, cells, deleted: true }));
}

async function contents(fixture: Fixture, table: TableSchema, segment: Segment): Promise<string[]> {
  const rows: string[] = [];
  const query = { objects: fixture.objects, path: segment.path, schema: table, scope: segment.scope };
  for await (const batch of readSegment({ ...query, expectedRows: segment.rows })) rows.push(...batch.map(rowText));
  return rows.map((text) => text.slice(text.indexOf(" ") + 1));
}

function files(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

describe("flush through the worker", () => {
  test("ST-02 ST-04 one user's rows, tombstones included, go to one file and leave the buffer; another user's stay", async () => {
    await using fixture = openFixture();
    const { store, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    await put(fixture, table, ALICE, [
      [2n, "two"],
      [1n, "one"],
      [3n, "three"],
    ]);
    await put(fixture, table, BOB, [[1n, "bob's"]]);
    await remove(fixture, table, ALICE, [3n, "three"]);

    const { writer, catalog } = store.current;
    const flushed = await flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position });
    expect(flushed.rows).toBe(3);
    expect(flushed.usage.memoryBytes).toBeGreaterThan(0);
    expect(catalog.segments(table.id, ALICE)).toEqual([...flushed.segments]);
    expect(catalog.segments(table.id, BOB)).toEqual([]);
    const [segment] = flushed.segments;
    expect(segment).toMatchObject({ rows: 3, minKey: 1n, maxKey: 3n, scope: ALICE, schemaVersion: 1 });
    expect(segment === undefined ? [] : await contents(fixture, table, segment)).toEqual([
      "false bigint:1 | string:one",
      "false bigint:2 | string:two",
      "true bigint:3 | string:three",
    ]);
    expect(writer.bufferedRows(table.id)).toBe(1);
    expect(writer.bufferedScopes(table.id)).toEqual([BOB]);
  });

  test("ST-02 versions written after the position of the flush stay buffered", async () => {
    await using fixture = openFixture();
    const { store, flusher } = fixture;
    const table = await createTable(store.current, "notes", "shared");
    await put(fixture, table, SHARED_SCOPE, [
      [1n, "old"],
      [2n, "kept"],
    ]);
    const { writer, reader } = store.current;
    const upTo = writer.position;
    await put(fixture, table, SHARED_SCOPE, [
      [1n, "new"],
      [3n, "later"],
    ]);
    const flushed = await flusher.flushScope({ schema: table, scope: SHARED_SCOPE, upTo });
    expect(flushed.rows).toBe(1);
    expect(reader.get(table, SHARED_SCOPE, 1n)?.cells).toEqual([1n, "new"]);
    expect(reader.get(table, SHARED_SCOPE, 2n)).toBeUndefined();
    expect(reader.get(table, SHARED_SCOPE, 3n)?.cells).toEqual([3n, "later"]);
  });

  test("ST-02 a scope larger than a file goes to several files, each committed with its rows", async () => {
    await using fixture = openFixture({ segmentRows: 4 });
    const { store, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    await put(
      fixture,
      table,
      ALICE,
      Array.from({ length: 10 }, (_unused, i) => [BigInt(i), `note ${i}`]),
    );
    const { writer } = store.current;
    const flushed = await flusher.flushScope({ schema: table, scope: ALICE, upTo: writer.position });
    expect(flushed.segments.map(({ rows }) => rows)).toEqual([4, 4, 2]);
    const bounds = flushed.segments.flatMap(({ minSeq, maxSeq }) => [minSeq, maxSeq]);
    expect(bounds).toEqual([...bounds].sort((a, b) => (a < b ? -1 : 1)));
    expect(writer.bufferedRows(table.id)).toBe(0);
  });

  test("ST-02 a file also ends when the rows read so far are large", async () => {
    await using fixture = openFixture({ segmentBytes: 1000 });
    const table = await createTable(fixture.store.current, "notes");
    await put(fixture, table, ALICE, [
      [1n, "x".repeat(900)],
      [2n, "x".repeat(900)],
      [3n, "x".repeat(900)],
    ]);
    const upTo = fixture.store.current.writer.position;
    const flushed = await fixture.flusher.flushScope({ schema: table, scope: ALICE, upTo });
    expect(flushed.segments.map(({ rows }) => rows)).toEqual([2, 1]);
  });

  test("ST-02 nothing buffered is nothing flushed", async () => {
    await using fixture = openFixture();
    const table = await createTable(fixture.store.current, "notes");
    const upTo = fixture.store.current.writer.position;
    expect(await fixture.flusher.flushScope({ schema: table, scope: ALICE, upTo })).toMatchObject({
      segments: [],
      rows: 0,
    });
    expect(files(fixture.storageDir)).toEqual([]);
  });

  test("ST-03 a table dropped while it was flushed leaves an orphan and no segment", async () => {
    await using fixture = openFixture();
    const { store, flusher, storageDir, objects } = fixture;
    const table = await createTable(store.current, "notes");
    await put(fixture, table, ALICE, [[1n, "x"]]);
    const pending = flusher.flushScope({ schema: table, scope: ALICE, upTo: store.current.writer.position });
    const settled = pending.then(
      () => "flushed",
      (error: { code: string }) => error.code,
    );
    await store.current.writer.submit((tx) => tx.dropTable(table));
    expect(await settled).toBe("TABLE_NOT_FOUND");
    expect(store.current.catalog.allSegments()).toEqual([]);
    await removeOrphans({ objects, segments: [], olderThanMs: Number.MAX_SAFE_INTEGER });
    expect(files(storageDir)).toEqual([]);
  });

  test("ST-03 a worker that dies fails its flush alone; rows stay buffered and the next flush starts a new worker", async () => {
    let broken = true;
    await using fixture = openFixture({
      spawn: () => {
        const entry = broken ? "crashing-worker.ts" : "../../../src/storage/cold/flush-worker.ts";
        return new Worker(new URL(entry, import.meta.url));
      },
    });
    const { store, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    await put(fixture, table, ALICE, [[1n, "x"]]);
    const request = { schema: table, scope: ALICE, upTo: store.current.writer.position };
    expect(await rejection(flusher.flushScope(request))).toMatchObject({ code: "STORAGE_ERROR" });
    expect(store.current.writer.bufferedRows(table.id)).toBe(1);
    expect(flusher.oldestStartMs).toBeUndefined();
    broken = false;
    expect(await flusher.flushScope(request)).toMatchObject({ rows: 1 });
  });

  test("ST-10 a closed flusher rejects what waits and what comes", async () => {
    await using fixture = openFixture();
    const { store, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    await put(fixture, table, ALICE, [[1n, "x"]]);
    const request = { schema: table, scope: ALICE, upTo: store.current.writer.position };
    const pending = flusher.flushScope(request).catch((error: { code: string }) => error.code);
    flusher.close();
    expect(await pending).toBe("SHUTTING_DOWN");
    expect(await rejection(flusher.flushScope(request))).toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

const LIMITS = { maxBytes: 1e9, nowMs: 0, tag: segmentTag() };

describe("a flush that is not wanted any more", () => {
  test("OP-08 stops inside a file, between row groups and while it reads, and nothing of the file stays", async () => {
    await using fixture = openFixture();
    const { store, storageDir, objects, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    const ids = Array.from({ length: 25_000 }, (_unused, id) => [BigInt(id), "x"]);
    await put(fixture, table, ALICE, ids);
    const upTo = store.current.writer.position;
    const folder = localPlaces(storageDir).folderOf(table, ALICE);
    const task = { schema: table, scope: ALICE, folder, upTo, buffered: 25_000, maxRows: 100_000, ...LIMITS };
    using db = new Database(store.current.path, { readonly: true });
    let looks = 0;
    const count = (): void => {
      looks += 1;
    };
    const failpoint = (step: WriteStep): void => {
      if (step === "encoded") throw new Error("far enough");
    };
    await rejection(writeScope({ db, objects, requireWanted: count, failpoint }, task));
    // At least one for each thousand rows read, and one for each of the three row groups.
    expect(looks).toBeGreaterThanOrEqual(28);
    for (const at of [1, looks - 2, looks]) {
      let left = at;
      const requireWanted = (): void => {
        left -= 1;
        if (left === 0) throw new Error("ended");
      };
      expect(await rejection(writeScope({ db, objects, requireWanted }, task))).toMatchObject({ message: "ended" });
      expect(files(storageDir)).toEqual([]);
    }
    expect(await flusher.flushScope({ schema: table, scope: ALICE, upTo })).toMatchObject({ rows: 25_000 });
  });

  test("OP-08 rejects with the reason of its signal while the worker is at its file or others are before it; the next flush writes the rows", async () => {
    const controller = new AbortController();
    let posted = 0;
    await using fixture = openFixture({
      segmentRows: 100_000,
      spawn: () => {
        const worker: ParquetThread = new Worker(new URL("../../../src/storage/cold/flush-worker.ts", import.meta.url));
        const post = worker.postMessage.bind(worker);
        // The flag is up long before the rows are read.
        worker.postMessage = (message) => {
          post(message);
          posted += 1;
          if (posted === 3) controller.abort(new Error("killed"));
        };
        return worker;
      },
    });
    const { store, storageDir, flusher } = fixture;
    const table = await createTable(store.current, "notes");
    const scopes = ["a", "b", "c", "d"].map((name) => scopeOfUser(parseUserId(name)));
    const rows = Array.from({ length: 5_000 }, (_unused, id) => [BigInt(id), "x"]);
    for (const scope of scopes) await put(fixture, table, scope, rows);
    const upTo = store.current.writer.position;
    const { signal } = controller;
    const ends = await Promise.allSettled(
      scopes.map((scope) => flusher.flushScope({ schema: table, scope, upTo, signal })),
    );
    // The first may have been complete by then.
    const killed = ends.filter((end) => end.status === "rejected").map(({ reason }) => reason.message);
    expect(killed.length).toBeGreaterThanOrEqual(2);
    expect(new Set(killed)).toEqual(new Set(["killed"]));
    expect(files(storageDir).length).toBe(scopes.length - killed.length);
    for (const scope of scopes) await flusher.flushScope({ schema: table, scope, upTo });
    expect(store.current.writer.bufferedRows(table.id)).toBe(0);
    expect(store.current.catalog.allSegments().map((segment) => segment.rows)).toEqual([5_000, 5_000, 5_000, 5_000]);
  });
});

const STEPS: readonly WriteStep[] = ["encoded", "written", "synced", "renamed", "folder-synced"];

describe("a flush that stops", () => {
  test.each([...STEPS])(
    "ST-03 after step '%s' leaves every row buffered, and the next flush writes them",
    async (step) => {
      await using fixture = openFixture();
      const { store, storageDir, objects, flusher } = fixture;
      const table = await createTable(store.current, "notes");
      await put(fixture, table, ALICE, [
        [1n, "one"],
        [2n, "two"],
      ]);
      const { writer, path } = store.current;
      const upTo = writer.position;
      using db = new Database(path, { readonly: true });
      const failpoint = (reached: WriteStep): void => {
        if (reached === step) throw new Error(`stopped after ${step}`);
      };
      const folder = localPlaces(storageDir).folderOf(table, ALICE);
      const task = { schema: table, scope: ALICE, folder, upTo, buffered: 2, maxRows: 100, ...LIMITS };
      const stopped = { message: `stopped after ${step}` };
      expect(await rejection(writeScope({ db, objects, failpoint }, task))).toMatchObject(stopped);
      expect(writer.bufferedRows(table.id)).toBe(2);

      expect(await flusher.flushScope({ schema: table, scope: ALICE, upTo })).toMatchObject({ rows: 2 });
      const segments = store.current.catalog.allSegments();
      await removeOrphans({ objects, segments, olderThanMs: Number.MAX_SAFE_INTEGER });
      expect(files(storageDir)).toEqual(segments.map((segment) => join(storageDir, segment.path)));
    },
  );
});

describe("the sweep", () => {
  test("ST-03 removes files no segment names and the folders they leave empty, and nothing else", async () => {
    await using fixture = openFixture();
    const { storageDir, objects } = fixture;
    const place = (path: string, ageMs: number): void => {
      mkdirSync(dirname(join(storageDir, path)), { recursive: true });
      writeFileSync(join(storageDir, path), "x");
      const seconds = (1_000_000 - ageMs) / 1000;
      utimesSync(join(storageDir, path), seconds, seconds);
    };
    place("chat/notes-1/alice/segment-1.parquet", 500);
    place("chat/notes-1/alice/segment-2.parquet", 500);
    place("chat/notes-1/bob/.segment-3.parquet.tmp", 500);
    place("chat/notes-1/bob/manifest.json", 500);
    place("chat/notes-1/carol/segment-4.parquet", 5);
    place("chat/notes-1/alice/something-else.parquet", 500);
    const segments = [{ path: "chat/notes-1/alice/segment-1.parquet" }];
    const swept = await removeOrphans({ objects, segments, olderThanMs: 1_000_000 - 100 });
    expect(swept).toEqual({ files: 2, bytes: 2 });
    expect(files(storageDir).map((path) => path.slice(storageDir.length + 1))).toEqual([
      "chat/notes-1/alice/segment-1.parquet",
      "chat/notes-1/alice/something-else.parquet",
      "chat/notes-1/carol/segment-4.parquet",
    ]);
    expect(existsSync(join(storageDir, "chat/notes-1/bob"))).toBe(false);
  });

  test("ST-03 a storage folder that was never made is nothing to sweep", async () => {
    await using fixture = openFixture();
    const sweep = { objects: fixture.objects, segments: [], olderThanMs: Number.MAX_SAFE_INTEGER };
    expect(await removeOrphans(sweep)).toEqual({ files: 0, bytes: 0 });
  });
});

test("ST-06 the manifest lists a scope's committed segments for other readers", async () => {
  await using fixture = openFixture();
  const { store, storageDir, objects, flusher } = fixture;
  const table = await createTable(store.current, "notes");
  await put(fixture, table, ALICE, [
    [1n, "one"],
    [20n, "two"],
  ]);
  const { segments } = await flusher.flushScope({ schema: table, scope: ALICE, upTo: store.current.writer.position });
  await writeManifest({ objects, schema: table, scope: ALICE, folder: "chat/notes-1/alice", segments });
  const [file = ""] = files(storageDir).filter((path) => path.endsWith("manifest.json"));
  const manifest: unknown = await Bun.file(file).json();
  const [segment] = segments;
  expect(manifest).toEqual({
    table_id: "chat.notes",
    user_id: "alice",
    version: 1,
    segments: [
      expect.objectContaining({
        column_stats: { "1": { min: "1", max: "20", null_count: 0 } },
        min_seq: String(segment?.minSeq),
        max_seq: String(segment?.maxSeq),
        row_count: 2,
        status: "committed",
      }),
    ],
  });
  expect(files(dirname(file)).filter(isSegmentFile)).toEqual([join(storageDir, segment?.path ?? "")]);
});
