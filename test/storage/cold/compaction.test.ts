// Compaction through the real worker: what a merge keeps, what it may lose, and what happens to the files it replaced.
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SHARED_SCOPE, seqOf } from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import { createDroppedFiles } from "../../../src/storage/cold/dropped-files.ts";
import { readSegment } from "../../../src/storage/cold/parquet-read.ts";
import { createRetiredFiles } from "../../../src/storage/cold/retired-files.ts";
import { ALICE, BOB, createTable, failureOf } from "../open-test-store.ts";
import {
  committedPaths,
  filesBelow,
  flush,
  GRACE_MS,
  HOUR_MS,
  historyStartsAt,
  newestVersions,
  openCompactionFixture,
  putRow,
  putRows,
  removeRow,
  segmentRows,
} from "./compaction-fixture.ts";

const request = { table: 0, scope: ALICE, mode: "full" } as const;

describe("a merge", () => {
  test("ST-04 keeps the newest version of each key and leaves one file", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const round of [1, 2, 3]) {
      await putRows(fixture, at, [
        [1n, `one ${round}`],
        [BigInt(10 * round), `only ${round}`],
      ]);
      await flush(fixture, at);
    }
    const before = await newestVersions(fixture, at);
    const position = fixture.store.current.catalog.flushedUpTo(table.id, ALICE);
    const done = await fixture.compactor.compactScope({ ...request, table: table.id });
    expect(done).toMatchObject({ merges: 1, segmentsBefore: 3, segmentsAfter: 1, rowsBefore: 6, rowsAfter: 4 });
    expect(done.usage.memoryBytes).toBeGreaterThan(0);
    expect(await newestVersions(fixture, at)).toEqual(before);
    expect(fixture.store.current.catalog.flushedUpTo(table.id, ALICE)).toBe(position);
    const [segment] = fixture.store.current.catalog.segments(table.id, ALICE);
    expect(segment).toMatchObject({ rows: 4, minKey: 1n, maxKey: 30n, maxSeq: position });
  });

  test("ST-04 a tombstone within its retention stays, and hides what it ended", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRows(fixture, at, [
      [1n, "one"],
      [2n, "two"],
    ]);
    await flush(fixture, at);
    await removeRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    await fixture.compactor.compactScope({ ...request, table: table.id });
    expect(segmentRows(fixture, at)).toEqual([2]);
    expect((await newestVersions(fixture, at)).get("1")?.deleted).toBe(true);
    expect(historyStartsAt(fixture, at)).toBe(seqOf(0n));
  });

  test("ST-04 LQ-11 a tombstone past its retention goes with what it ended, and history starts at it, across a restart", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRows(fixture, at, [
      [1n, "one"],
      [2n, "two"],
    ]);
    await flush(fixture, at);
    const { seq } = await removeRow(fixture, at, [1n, "one"]);
    await putRow(fixture, at, [3n, "three"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += 2 * HOUR_MS;
    await fixture.compactor.compactScope({ ...request, table: table.id });
    for (const _time of ["at once", "after a restart"]) {
      expect([...(await newestVersions(fixture, at)).keys()].sort()).toEqual(["2", "3"]);
      expect(historyStartsAt(fixture, at)).toBe(seq);
      await fixture.reopen();
    }
  });

  test("ST-04 a tombstone stays while an older file that is not merged may hold its key", async () => {
    await using fixture = openCompactionFixture({ settings: { minRuns: 2, tombstoneRetentionMs: 0 } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    // Too large to be merged with what follows.
    await putRows(
      fixture,
      at,
      Array.from({ length: 50 }, (_unused, i) => [BigInt(i), "old"]),
    );
    await flush(fixture, at);
    await putRows(fixture, at, [
      [1000n, "beyond the old file"],
      [1001n, "too"],
    ]);
    await removeRow(fixture, at, [7n, "old"]);
    await flush(fixture, at);
    const beyond = await removeRow(fixture, at, [1000n, "beyond the old file"]);
    await putRow(fixture, at, [1002n, "x"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += HOUR_MS;
    await fixture.compactor.compactScope({ ...request, table: table.id, mode: "due" });
    expect(segmentRows(fixture, at)).toEqual([50, 3]);
    const newest = await newestVersions(fixture, at);
    expect(newest.get("7")?.deleted).toBe(true);
    expect(newest.has("1000")).toBe(false);
    expect(historyStartsAt(fixture, at)).toBe(beyond.seq);
  });

  test("ST-04 a scope of which nothing is left has no file, no buffered row, and takes new rows", async () => {
    await using fixture = openCompactionFixture({ settings: { tombstoneRetentionMs: 0 } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    await removeRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += HOUR_MS;
    await fixture.compactor.compactScope({ ...request, table: table.id });
    for (const _time of ["at once", "after a restart"]) {
      expect(segmentRows(fixture, at)).toEqual([]);
      expect(fixture.store.current.writer.bufferedRows(table.id)).toBe(0);
      expect(await flush(fixture, at)).toMatchObject({ rows: 0 });
      await fixture.reopen();
    }
    await putRow(fixture, at, [1n, "again"]);
    expect(await flush(fixture, at)).toMatchObject({ rows: 1 });
    expect((await newestVersions(fixture, at)).get("1")?.cells).toEqual([1n, "again"]);
  });

  test("ST-04 a single run is written anew for the tombstones it may lose, once", async () => {
    await using fixture = openCompactionFixture({ settings: { tombstoneRetentionMs: 0 } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRows(fixture, at, [
      [1n, "one"],
      [2n, "two"],
    ]);
    await removeRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    fixture.store.clock.wallMs += HOUR_MS;
    expect(await fixture.compactor.compactScope({ ...request, table: table.id })).toMatchObject({
      merges: 1,
      rowsAfter: 1,
    });
    expect(await fixture.compactor.compactScope({ ...request, table: table.id })).toMatchObject({ merges: 0 });
  });

  test("ST-04 a large scope goes to files of the target size with disjoint keys, in bounded steps, and is one run", async () => {
    await using fixture = openCompactionFixture({ settings: { targetRows: 12_000 }, flusher: { segmentRows: 5_000 } });
    const table = await createTable(fixture.store.current, "notes", "shared");
    const at = { table, scope: SHARED_SCOPE };
    for (const half of [0, 1]) {
      await putRows(
        fixture,
        at,
        Array.from({ length: 15_000 }, (_unused, i) => [BigInt(2 * i + half), `row ${i}`]),
      );
    }
    await putRows(
      fixture,
      at,
      Array.from({ length: 100 }, (_unused, i) => [BigInt(i), "again"]),
    );
    await flush(fixture, at);
    expect(segmentRows(fixture, at).length).toBe(6);
    await fixture.compactor.compactScope({ ...request, table: table.id, scope: SHARED_SCOPE });
    const segments = fixture.store.current.catalog.segments(table.id, SHARED_SCOPE);
    expect(segments.map(({ rows }) => rows)).toEqual([12_000, 12_000, 6_000]);
    const bounds = segments.flatMap(({ minKey, maxKey }) => [Number(minKey), Number(maxKey)]);
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b));
    const newest = await newestVersions(fixture, at);
    expect(newest.size).toBe(30_000);
    expect(newest.get("99")?.cells).toEqual([99n, "again"]);
    // One run: there is nothing to merge it with.
    expect(fixture.compactor.isDue(table.id, SHARED_SCOPE)).toBe(false);
  });

  test("ST-04 rows larger than a group's bytes make smaller row groups, which read back", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    const body = (i: number): string => String(i).repeat(3_000_000).slice(0, 3_000_000);
    for (const start of [0, 4]) {
      for (let i = start; i < start + 4; i += 1) await putRow(fixture, at, [BigInt(i), body(i)]);
      await flush(fixture, at);
    }
    await fixture.compactor.compactScope({ ...request, table: table.id });
    const [segment] = fixture.store.current.catalog.segments(table.id, ALICE);
    const groups: number[] = [];
    const read = { objects: fixture.objects, path: segment?.path ?? "", schema: table, scope: ALICE };
    for await (const rows of readSegment(read)) groups.push(rows.length);
    expect(groups).toEqual([3, 3, 2]);
    expect((await newestVersions(fixture, at)).get("7")?.cells[1]).toBe(body(7));
  });

  test("ST-04 TB-09 files of older versions of the table are merged under the newest", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRow(fixture, at, [1n, "one"]);
    await flush(fixture, at);
    const [, body] = table.columns;
    if (body === undefined) throw new Error("the table has two columns");
    const added = { ...body, id: 3, name: body.name, initial: "from the start" };
    const { value: altered } = await fixture.store.current.writer.submit((tx) =>
      tx.alterTable(table, { ...table, columns: [...table.columns.slice(0, 1), added], lastColumnId: 3 }),
    );
    await putRow(fixture, { table: altered, scope: ALICE }, [2n, "two"]);
    await flush(fixture, at);
    await fixture.compactor.compactScope({ ...request, table: table.id });
    const newest = await newestVersions(fixture, at);
    expect([newest.get("1")?.cells, newest.get("2")?.cells]).toEqual([
      [1n, "from the start"],
      [2n, "two"],
    ]);
    expect(fixture.store.current.catalog.segments(table.id, ALICE)).toMatchObject([{ schemaVersion: 2 }]);
  });

  test("TB-03 merges one user's files and no other's", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    for (const scope of [ALICE, BOB]) {
      for (const id of [1n, 2n]) {
        await putRow(fixture, { table, scope }, [id, `of ${scope}`]);
        await flush(fixture, { table, scope });
      }
    }
    await fixture.compactor.compactScope({ ...request, table: table.id });
    expect(segmentRows(fixture, { table, scope: ALICE })).toEqual([2]);
    expect(segmentRows(fixture, { table, scope: BOB })).toEqual([1, 1]);
  });
});

describe("a merge that does not come to its end", () => {
  test("ST-04 aborted between steps leaves the old segments and no file of its own", async () => {
    await using fixture = openCompactionFixture({ settings: { targetRows: 5_000 }, flusher: { segmentRows: 10_000 } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    await putRows(
      fixture,
      at,
      Array.from({ length: 20_000 }, (_unused, i) => [BigInt(i), "x"]),
    );
    await flush(fixture, at);
    const before = committedPaths(fixture);
    const abort = new AbortController();
    const running = fixture.compactor.compactScope({ ...request, table: table.id, signal: abort.signal });
    abort.abort(new Error("told to stop"));
    expect(await failureOf(running)).toMatchObject({ message: "told to stop" });
    expect(committedPaths(fixture)).toEqual(before);
    expect(filesBelow(fixture.storageDir)).toEqual(before);
  });

  test("ST-04 a table dropped meanwhile keeps no segment", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const id of [1n, 2n]) {
      await putRow(fixture, at, [id, "x"]);
      await flush(fixture, at);
    }
    const running = failureOf(fixture.compactor.compactScope({ ...request, table: table.id }));
    await fixture.store.current.writer.submit((tx) => tx.dropTable(table));
    expect(await running).toMatchObject({ code: "TABLE_NOT_FOUND" });
    expect(fixture.store.current.catalog.allSegments()).toEqual([]);
  });

  test("ST-04 a file that cannot be read fails it, and the segments stay", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const id of [1n, 2n]) {
      await putRow(fixture, at, [id, "x"]);
      await flush(fixture, at);
    }
    const [first = ""] = committedPaths(fixture);
    rmSync(join(fixture.storageDir, first));
    const failure = await failureOf(fixture.compactor.compactScope({ ...request, table: table.id }));
    expect(failure).toMatchObject({ code: "STORAGE_ERROR" });
    expect(segmentRows(fixture, at)).toEqual([1, 1]);
    expect(filesBelow(fixture.storageDir).length).toBe(1);
  });

  test("ST-04 a swap that cannot be committed leaves the segments, and its files go after a later commit", async () => {
    let isBroken = false;
    const failpoint = (name: string): void => {
      if (isBroken && name === "commit") throw Object.assign(new Error("no room"), { code: "SQLITE_FULL" });
    };
    await using fixture = openCompactionFixture({ store: { failpoint } });
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const id of [1n, 2n]) {
      await putRow(fixture, at, [id, "x"]);
      await flush(fixture, at);
    }
    await fixture.store.current.trimmed();
    const before = committedPaths(fixture);
    isBroken = true;
    const failure = await failureOf(fixture.compactor.compactScope({ ...request, table: table.id }));
    expect(failure).toMatchObject({ code: "STORAGE_FULL" });
    isBroken = false;
    expect(committedPaths(fixture)).toEqual(before);
    // A commit that failed may be found to have happened: until another one has succeeded, its files are needed.
    fixture.store.clock.monotonic += GRACE_MS;
    await fixture.retired.sweep();
    expect(filesBelow(fixture.storageDir).length).toBe(3);
    await putRow(fixture, at, [3n, "x"]);
    await fixture.retired.sweep();
    expect(filesBelow(fixture.storageDir)).toEqual(before);
    expect([...(await newestVersions(fixture, at)).keys()].sort()).toEqual(["1", "2", "3"]);
  });
});

describe("files that a merge replaced", () => {
  test("ST-04 are readable until the grace is over, then go", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const id of [1n, 2n]) {
      await putRow(fixture, at, [id, "x"]);
      await flush(fixture, at);
    }
    const before = committedPaths(fixture);
    await fixture.compactor.compactScope({ ...request, table: table.id });
    await fixture.retired.sweep();
    expect(filesBelow(fixture.storageDir)).toEqual([...before, ...committedPaths(fixture)].sort());
    fixture.store.clock.monotonic += GRACE_MS;
    await fixture.retired.sweep();
    expect(filesBelow(fixture.storageDir)).toEqual(committedPaths(fixture));
  });

  test("ST-01 ST-04 stay while the commit that replaced them cannot be made to last", async () => {
    await using fixture = openCompactionFixture();
    const table = await createTable(fixture.store.current, "notes");
    const at = { table, scope: ALICE };
    for (const id of [1n, 2n]) {
      await putRow(fixture, at, [id, "x"]);
      await flush(fixture, at);
    }
    await fixture.compactor.compactScope({ ...request, table: table.id });
    fixture.store.clock.monotonic += GRACE_MS;
    // A log that cannot be opened, and so not synced.
    const databasePath = join(fixture.store.dataDir, "elsewhere.sqlite");
    mkdirSync(`${databasePath}-wal`);
    const { objects, store } = fixture;
    const droppedFiles = createDroppedFiles({ objects, databasePath, foldersOf: () => ["chat"], log: silentLog });
    droppedFiles.remove(table);
    await droppedFiles.idle();
    const { clock, current } = store;
    const { writer } = current;
    const retired = createRetiredFiles({ objects, databasePath, clock, writer, log: silentLog, graceMs: 0 });
    retired.retire(current.catalog.allSegments());
    await retired.sweep();
    expect(filesBelow(fixture.storageDir).length).toBe(3);
    rmSync(`${databasePath}-wal`, { recursive: true });
    await retired.sweep();
    expect(filesBelow(fixture.storageDir).length).toBe(2);
  });
});
