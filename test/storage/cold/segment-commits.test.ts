import { expect, test } from "bun:test";
import { parseUserId, type Scope, scopeOfUser } from "../../../src/base/ids.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import { SegmentCommits } from "../../../src/storage/cold/segment-commits.ts";
import type { Segment } from "../../../src/storage/seams.ts";
import type { Store } from "../../../src/storage/store.ts";
import { createTable, openTestStore, write } from "../open-test-store.ts";
import { rejection } from "./rejection.ts";

const SCOPES = Array.from({ length: 10 }, (_unused, user) => scopeOfUser(parseUserId(`user-${user}`)));

function segmentOf(store: Store, table: TableSchema, scope: Scope): Omit<Segment, "id"> {
  const maxSeq = store.writer.position;
  const path = `${table.id}/${scope}`;
  const sizes = { rows: 1, tombstones: 0, bytes: 1, minKey: 1n, maxKey: 1n, createdAtMs: 0 };
  return { tableId: table.id, scope, path, schemaVersion: 1, minSeq: maxSeq, maxSeq, ...sizes };
}

/** Of transactions, with what each committed. */
async function opened() {
  const committed: number[] = [];
  const fixture = openTestStore();
  const store = fixture.current;
  const table = await createTable(store, "notes");
  await store.writer.submit((tx) => {
    for (const scope of SCOPES) write(tx, { table, scope, cells: [1n, "x"] });
  });
  let known = 0;
  store.writer.onCommit(() => {
    const all = store.catalog.allSegments().length;
    if (all > known) committed.push(all - known);
    known = all;
  });
  return { fixture, store, table, committed, commits: new SegmentCommits(store.writer) };
}

test("ST-02 a file that nothing else is under way with is committed at once", async () => {
  const { fixture, store, table, committed, commits } = await opened();
  await using _closing = fixture;
  for (const scope of SCOPES.slice(0, 3)) {
    using _flush = commits.enter();
    expect(await commits.commit(segmentOf(store, table, scope))).toMatchObject({ scope });
  }
  expect(committed).toEqual([1, 1, 1]);
});

test("ST-02 six files share a transaction; the rest waits for the flushes under way, and no longer than they last", async () => {
  const { fixture, store, table, committed, commits } = await opened();
  await using _closing = fixture;
  const flushes = SCOPES.map(() => commits.enter());
  const done = SCOPES.map((scope) => commits.commit(segmentOf(store, table, scope)));
  await Promise.all(done.slice(0, 6));
  for (const flush of flushes.slice(0, 6)) flush[Symbol.dispose]();
  await Promise.all(done);
  expect(committed).toEqual([6, 4]);
  expect(store.writer.bufferedRows(table.id)).toBe(0);
});

test("ST-02 a flush that brings no file holds the others up for a moment only", async () => {
  const { fixture, store, table, committed, commits } = await opened();
  await using _closing = fixture;
  const [first, second] = SCOPES;
  if (first === undefined || second === undefined) throw new Error("scopes");
  using _endless = commits.enter();
  using _one = commits.enter();
  using _two = commits.enter();
  await Promise.all([commits.commit(segmentOf(store, table, first)), commits.commit(segmentOf(store, table, second))]);
  expect(committed).toEqual([2]);
});

test("ST-03 a file that cannot be committed fails alone", async () => {
  const { fixture, store, table, commits } = await opened();
  await using _closing = fixture;
  const [good, bad] = SCOPES;
  if (good === undefined || bad === undefined) throw new Error("scopes");
  const gone = await createTable(store, "gone");
  const lost = segmentOf(store, gone, bad);
  await store.writer.submit((tx) => tx.dropTable(gone));
  using _one = commits.enter();
  using _two = commits.enter();
  const [committed, failed] = await Promise.all([
    commits.commit(segmentOf(store, table, good)),
    rejection(commits.commit(lost)),
  ]);
  expect(committed).toMatchObject({ scope: good });
  expect(failed).toMatchObject({ code: "TABLE_NOT_FOUND" });
});
