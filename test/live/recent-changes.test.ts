// What memory says about recent history: the same as the store's history, or nothing.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseUserId, type Scope, type Seq, SHARED_SCOPE, scopeOfUser, seqOf } from "../../src/base/ids.ts";
import { RecentChanges } from "../../src/live/recent-changes.ts";
import type { Change, RowVersion } from "../../src/model/change.ts";
import { chatTable, message } from "./support/chat-table.ts";

const table = chatTable("user");
const ann = scopeOfUser(parseUserId("ann"));
const bob = scopeOfUser(parseUserId("bob"));
const seq = (value: number): Seq => seqOf(BigInt(value));

function recentChanges(options: { readonly maxBytes?: number; readonly flushedUpTo?: number } = {}): RecentChanges {
  return new RecentChanges({
    maxBytes: options.maxBytes ?? 1_000_000,
    startsAt: seq(100),
    flushedUpTo: () => seq(options.flushedUpTo ?? 0),
  });
}

function version(at: number, id: number, deleted = false): RowVersion {
  return { seq: seq(at), deleted, cells: message(id).cells };
}

function change(after: RowVersion, before?: RowVersion, scope: Scope = ann): Change {
  return { table, scope, before, after };
}

const seqs = (versions: readonly RowVersion[] | undefined): readonly number[] | undefined =>
  versions?.map((each) => Number(each.seq));
const ALL = { limit: 100 };

describe("recent changes", () => {
  test("LQ-11 the versions of a scope after a position, without those that were replaced", () => {
    const recent = recentChanges();
    recent.add(change(version(101, 1)));
    recent.add(change(version(102, 2), undefined, bob));
    recent.add(change(version(103, 1, true), version(101, 1)));
    recent.add(change(version(104, 3)));
    expect(seqs(recent.after(table, ann, { after: seq(100), ...ALL }))).toEqual([103, 104]);
    expect(seqs(recent.after(table, ann, { after: seq(103), ...ALL }))).toEqual([104]);
    expect(seqs(recent.after(table, ann, { after: seq(100), limit: 1 }))).toEqual([103]);
    expect(seqs(recent.after(table, bob, { after: seq(100), ...ALL }))).toEqual([102]);
  });

  test("LQ-11 a scope where nothing happened has an empty history, one before the start an unknown one", () => {
    const recent = recentChanges();
    expect(recent.after(table, ann, { after: seq(100), ...ALL })).toEqual([]);
    expect(recent.after(table, ann, { after: seq(99), ...ALL })).toBeUndefined();
  });

  test("LQ-11 at the bound the oldest go, and who needs them is told that they are not known", () => {
    const recent = recentChanges({ maxBytes: 10_000 });
    for (let at = 101; at <= 200; at++) recent.add(change(version(at, at), undefined, at % 2 === 0 ? ann : bob));
    expect(recent.bytes).toBeLessThanOrEqual(10_000);
    expect(recent.after(table, ann, { after: seq(100), ...ALL })).toBeUndefined();
    expect(seqs(recent.after(table, ann, { after: seq(195), ...ALL }))).toEqual([196, 198, 200]);
  });

  test("LQ-11 what the buffer held before the start is known once it is loaded, except to who needs flushed rows", () => {
    const recent = recentChanges({ flushedUpTo: 60 });
    recent.add(change(version(101, 1), version(80, 1)));
    const buffered = [version(90, 2), version(70, 3)].map((each) => ({ scope: ann, version: each }));
    expect(recent.load(table, buffered, seq(50))).toBe(true);
    expect(seqs(recent.after(table, ann, { after: seq(60), ...ALL }))).toEqual([70, 90, 101]);
    expect(recent.after(table, ann, { after: seq(59), ...ALL })).toBeUndefined();
    expect(recent.after(table, ann, { after: seq(49), ...ALL })).toBeUndefined();
  });

  test("LQ-15 versions of an altered table are of no use to either layout", () => {
    const recent = recentChanges();
    const altered = { ...table, version: 2 };
    recent.add(change(version(101, 1)));
    recent.add({ ...change(version(103, 2)), table: altered });
    expect(recent.after(table, ann, { after: seq(100), ...ALL })).toBeUndefined();
    expect(recent.after(altered, ann, { after: seq(101), ...ALL })).toBeUndefined();
    expect(seqs(recent.after(altered, ann, { after: seq(102), ...ALL }))).toEqual([103]);
  });

  test("a dropped table leaves nothing behind, and 0 bytes keep nothing", () => {
    const recent = recentChanges();
    recent.add(change(version(101, 1)));
    recent.delete(table.id);
    expect(recent.bytes).toBe(0);
    const off = recentChanges({ maxBytes: 0 });
    off.add(change(version(101, 1)));
    expect([off.bytes, off.after(table, ann, { after: seq(101), ...ALL })]).toEqual([0, undefined]);
  });

  test("LQ-11 whatever was written, memory says what history would, or nothing", () => {
    const write = fc.record({ id: fc.nat({ max: 4 }), deleted: fc.boolean(), shared: fc.boolean() });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 60 }), fc.integer({ min: 400, max: 20_000 }), (writes, maxBytes) => {
        const recent = recentChanges({ maxBytes });
        const newest = new Map<string, RowVersion>();
        writes.forEach(({ id, deleted, shared }, index) => {
          const scope = shared ? SHARED_SCOPE : ann;
          const old = newest.get(`${scope}/${id}`);
          const after = version(101 + index, id, deleted);
          newest.set(`${scope}/${id}`, after);
          recent.add(change(after, old?.deleted === false ? old : undefined, scope));
        });
        for (let after = 100; after <= 100 + writes.length; after++) {
          for (const scope of [ann, SHARED_SCOPE]) {
            const told = seqs(recent.after(table, scope, { after: seq(after), ...ALL }));
            const kept = [...newest].filter(([key, each]) => key.startsWith(`${scope}/`) && each.seq > seq(after));
            const history = kept.map(([, each]) => Number(each.seq)).toSorted((a, b) => a - b);
            // Ends of keys that exist again may still be there: their rows follow.
            if (told !== undefined) expect(told.filter((each) => history.includes(each))).toEqual(history);
          }
        }
      }),
    );
  });
});
