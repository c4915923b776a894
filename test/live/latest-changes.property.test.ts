// LQ-12: squashing loses nothing that matters: applied at once, the squashed changes leave a client where all of them, one by one, would have.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Seq, seqOf } from "../../src/base/ids.ts";
import { LatestChanges } from "../../src/live/latest-changes.ts";
import type { RowVersion } from "../../src/model/change.ts";
import type { RowChange } from "../../src/protocol/native-encoder.ts";

type Rows = Map<bigint, RowVersion>;

function keyOf(version: RowVersion): bigint {
  return BigInt(String(version.cells[0]));
}

/** What a write of a key, or its removal, is to a client that shows `rows`. */
function changeOf(
  rows: Rows,
  key: bigint,
  write: { readonly seq: Seq; readonly value: number | undefined },
): RowChange | undefined {
  const before = rows.get(key);
  if (write.value === undefined) return before && { kind: "delete", before, seq: write.seq };
  const after = { seq: write.seq, deleted: false, cells: [key, write.value] };
  return before === undefined ? { kind: "insert", after } : { kind: "update", before, after };
}

function apply(rows: Rows, change: RowChange): void {
  if (change.kind === "delete") {
    // A client is told of the end of a row it has, with the row it has.
    expect(rows.get(keyOf(change.before))).toEqual(change.before);
    rows.delete(keyOf(change.before));
    return;
  }
  expect(rows.has(keyOf(change.after))).toBe(change.kind === "update");
  if (change.kind === "update") expect(rows.get(keyOf(change.before))).toEqual(change.before);
  rows.set(keyOf(change.after), change.after);
}

const seqOfChange = (change: RowChange): Seq => (change.kind === "delete" ? change.seq : change.after.seq);

const writes = fc.array(
  fc.record({
    key: fc.bigInt({ min: 0n, max: 4n }),
    value: fc.option(fc.nat({ max: 9 }), { nil: undefined }),
    drains: fc.boolean(),
  }),
  { maxLength: 60 },
);

test("LQ-12 squashed changes lead to the same rows, one change a key, in `_seq` order", () => {
  fc.assert(
    fc.property(writes, (all) => {
      const waiting = new LatestChanges(0, 100);
      const server: Rows = new Map();
      const client: Rows = new Map();
      const drain = (): void => {
        const changes = waiting.take();
        expect(
          new Set(changes.map((change) => keyOf(change.kind === "delete" ? change.before : change.after))).size,
        ).toBe(changes.length);
        const seqs = changes.map(seqOfChange);
        expect(seqs).toEqual(seqs.toSorted((a, b) => (a < b ? -1 : 1)));
        for (const change of changes) apply(client, change);
        expect([waiting.position, waiting.bytes]).toEqual([undefined, 0]);
      };
      for (const [index, { key, value, drains }] of all.entries()) {
        const seq = seqOf(BigInt(index + 1));
        const change = changeOf(server, key, { seq, value });
        if (change === undefined) continue;
        apply(server, change);
        expect(waiting.add({ position: seq, changes: [change] }, 0)).toBe(true);
        if (drains) drain();
      }
      drain();
      expect(client).toEqual(server);
    }),
  );
});

test("LQ-12 it says when more keys wait than its bound, and what they take", () => {
  const waiting = new LatestChanges(0, 2);
  const insert = (key: bigint, text: string): RowChange => ({
    kind: "insert",
    after: { seq: seqOf(key), deleted: false, cells: [key, text] },
  });
  expect(waiting.add({ position: seqOf(1n), changes: [insert(1n, "x".repeat(100)), insert(2n, "y")] }, 0)).toBe(true);
  expect(waiting.bytes).toBeGreaterThan(100);
  expect(waiting.add({ position: seqOf(3n), changes: [insert(3n, "z")] }, 0)).toBe(false);
});
