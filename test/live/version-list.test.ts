import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seqOf } from "../../src/base/ids.ts";
import { VersionList } from "../../src/live/version-list.ts";

const BASE = 382_473_644_820_922_445n;
/** Far enough from the base that neighbours share a number: hundreds of days of positions. */
const FAR = 1n << 57n;

function listOf(seqs: readonly bigint[]) {
  const list = new VersionList<{ readonly version: { seq: ReturnType<typeof seqOf>; deleted: false; cells: [] } }>(
    seqOf(BASE),
  );
  for (const seq of seqs) list.push({ version: { seq: seqOf(seq), deleted: false, cells: [] } });
  return list;
}

/** Positions as they come: runs of consecutive ones, from one millisecond and the next. */
const ascending = fc
  .array(fc.record({ gap: fc.bigInt(1n, 1n << 30n), run: fc.integer({ min: 1, max: 40 }) }), { maxLength: 12 })
  .map((runs) => {
    let last = 0n;
    return runs.flatMap(({ gap, run }) => {
      const first = last + gap;
      last = first + BigInt(run) - 1n;
      return Array.from({ length: run }, (_unused, at) => first + BigInt(at));
    });
  });

describe.each([
  ["near the base", BASE],
  ["before it", BASE - (1n << 40n)],
  ["so far from it that numbers are not exact", BASE + FAR],
])("versions %s", (_name, offset) => {
  test("LQ-11 are found by their position, and no others", () => {
    fc.assert(
      fc.property(ascending, fc.nat(), (relative, dropped) => {
        const seqs = relative.map((seq) => offset + seq);
        const list = listOf(seqs);
        const gone = seqs.length === 0 ? 0 : dropped % seqs.length;
        list.dropFirst(gone);
        const kept = seqs.slice(gone);
        expect(list.length).toBe(kept.length);
        for (const seq of seqs.flatMap((seq) => [seq - 1n, seq, seq + 1n])) {
          expect(list.find(seqOf(seq)) === undefined).toBe(!kept.includes(seq));
          expect(list.firstAbove(seqOf(seq))).toBe(kept.filter((one) => one <= seq).length);
        }
      }),
    );
  });
});
