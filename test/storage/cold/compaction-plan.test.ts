import { expect, test } from "bun:test";
import fc from "fast-check";
import { seqOf, tableIdOf } from "../../../src/base/ids.ts";
import {
  chooseAged,
  chooseFullMerge,
  chooseMerge,
  chooseRewrite,
  MAX_MERGED_RUNS,
  runsOf,
  type SortedRun,
} from "../../../src/storage/cold/compaction-plan.ts";
import type { Segment } from "../../../src/storage/seams.ts";
import { ALICE } from "../open-test-store.ts";

interface Shape {
  readonly rows: number;
  /** Same place in every run: keys overlap. */
  readonly keys?: readonly [bigint, bigint];
}

/** One file each, oldest first. */
function segmentsOf(shapes: readonly Shape[]): Segment[] {
  return shapes.map(({ rows, keys = [0n, 1000n] }, index) => ({
    id: index + 1,
    tableId: tableIdOf(1),
    scope: ALICE,
    path: `segment-${index}`,
    schemaVersion: 1,
    rows,
    bytes: rows,
    minSeq: seqOf(BigInt(10 * index + 1)),
    maxSeq: seqOf(BigInt(10 * index + 10)),
    minKey: keys[0],
    maxKey: keys[1],
    createdAtMs: 0,
  }));
}

const POLICY = { minRuns: 3, targetRows: 1000 };

function chosen(shapes: readonly Shape[]): number[] | undefined {
  return chooseMerge(runsOf(segmentsOf(shapes)), POLICY)?.runs.map(({ rows }) => rows);
}

test.each([
  ["too few files", [10, 10], undefined],
  ["as many as are worth it", [10, 10, 10], [10, 10, 10]],
  ["a large old file waits until the newer ones have grown", [100, 10, 10, 10], [10, 10, 10]],
  ["a file of about their size goes with them", [50, 10, 10, 10], [50, 10, 10, 10]],
  ["a small newest file does not keep older ones from being merged", [10, 10, 10, 1], [10, 10, 10]],
  ["files that grow by more than the factor are few already", [64, 16, 4, 1], undefined],
])("ST-04 %s", (_why, rows, expected) => {
  expect(chosen(rows.map((count) => ({ rows: count })))).toEqual(expected);
});

test("ST-04 a full run whose keys are not written any more is left alone, one whose keys are is not", () => {
  const newer = [10n, 11n, 12n].map((key): Shape => ({ rows: 800, keys: [key, key] }));
  expect(chosen([{ rows: 1000, keys: [1n, 9n] }, ...newer])).toEqual([800, 800, 800]);
  expect(chosen([{ rows: 1000, keys: [1n, 10n] }, ...newer])).toEqual([1000, 800, 800, 800]);
});

test("ST-04 files with one range of positions are one run, by key", () => {
  const [first, second] = segmentsOf([
    { rows: 1, keys: [5n, 9n] },
    { rows: 2, keys: [1n, 4n] },
  ]);
  if (first === undefined || second === undefined) throw new Error("two were made");
  const [run, ...others] = runsOf([first, { ...second, minSeq: first.minSeq, maxSeq: first.maxSeq }]);
  expect([run?.rows, run?.segments.map(({ minKey }) => minKey), others]).toEqual([3, [1n, 5n], []]);
});

test("ST-04 keys of older files outside the merge are named, with no others", () => {
  const runs = runsOf(segmentsOf([{ rows: 100, keys: [1n, 2n] }, ...[1, 1, 1].map((rows) => ({ rows }))]));
  expect(chooseMerge(runs, POLICY)?.olderKeys).toEqual([{ minKey: 1n, maxKey: 2n }]);
  expect(chooseFullMerge(runs)?.olderKeys).toEqual([]);
});

test.each([
  ["tombstones that are past their retention", { tombstones: 1, age: "past" }, "full", true],
  ["no tombstones", { tombstones: 0, age: "past" }, "full", false],
  ["tombstones nobody has counted", { tombstones: undefined, age: "past" }, "full", true],
  ["tombstones that must stay", { tombstones: 10, age: "within" }, "full", false],
  ["half of it tombstones", { tombstones: 5, age: "past" }, "due", true],
  ["few tombstones", { tombstones: 4, age: "past" }, "due", false],
] as const)("ST-04 the oldest run with %s: is it written anew?", (_what, { tombstones, age }, mode, expected) => {
  const runs = runsOf(segmentsOf([{ rows: 10 }]).map((segment) => ({ ...segment, tombstones })));
  const purgeBelow = seqOf(age === "past" ? 1000n : 0n);
  expect(chooseRewrite(runs, { purgeBelow, mode }) !== undefined).toBe(expected);
});

test.each([
  ["one run with one tombstone", [1], 1000n, 1],
  ["tombstones in the newest of three runs", [0, 0, 1], 1000n, 3],
  ["tombstones nobody has counted", [0, undefined], 1000n, 2],
  ["no tombstones", [0, 0], 1000n, 0],
  ["a run that is too young", [1, 0], 20n, 0],
  ["no runs", [], 1000n, 0],
] as const)("ST-04 a scope at rest with %s: how many runs are merged?", (_what, tombstones, restsBelow, merged) => {
  const segments = segmentsOf(tombstones.map(() => ({ rows: 10 })));
  const runs = runsOf(segments.map((segment, index) => ({ ...segment, tombstones: tombstones[index] })));
  const merge = chooseAged(runs, seqOf(restsBelow));
  expect([merge?.runs.length ?? 0, merge?.olderKeys ?? []]).toEqual([merged, []]);
});

/** What a merge that drops nothing leaves. */
function merged(runs: readonly SortedRun[], merge: readonly SortedRun[]): SortedRun[] {
  const start = runs.findIndex((run) => run === merge[0]);
  const newest = merge.at(-1);
  const [oldest] = merge;
  if (oldest === undefined || newest === undefined) return [...runs];
  const rows = merge.reduce((total, run) => total + run.rows, 0);
  const run = { segments: newest.segments, minSeq: oldest.minSeq, maxSeq: newest.maxSeq, rows, tombstones: 0 };
  return runs.toSpliced(start, merge.length, run);
}

test("ST-04 flush after flush, the files of a scope stay few and each row is written again a few times", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 100, maxLength: 300 }), (flushes) => {
      let runs: SortedRun[] = [];
      let rewritten = 0;
      for (const [index, rows] of flushes.entries()) {
        const [segment] = segmentsOf([{ rows }]);
        if (segment === undefined) throw new Error("one was made");
        const range = { minSeq: seqOf(BigInt(10 * index)), maxSeq: seqOf(BigInt(10 * index + 1)) };
        runs = [...runs, { segments: [{ ...segment, ...range }], ...range, rows, tombstones: 0 }];
        for (let merge = chooseMerge(runs, POLICY); merge !== undefined; merge = chooseMerge(runs, POLICY)) {
          rewritten += merge.runs.reduce((total, run) => total + run.rows, 0);
          expect(merge.runs.length).toBeLessThanOrEqual(MAX_MERGED_RUNS);
          runs = merged(runs, merge.runs);
        }
      }
      const total = flushes.reduce((sum, rows) => sum + rows, 0);
      const levels = Math.log2(total) + 1;
      expect(runs.length).toBeLessThanOrEqual(POLICY.minRuns * levels);
      expect(rewritten / total).toBeLessThanOrEqual(2 * levels);
    }),
  );
});

test("ST-04 a full compaction ends with one run, whatever the sizes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 100 }), (rows) => {
      let runs = runsOf(segmentsOf(rows.map((count) => ({ rows: count }))));
      for (let merge = chooseFullMerge(runs); merge !== undefined; merge = chooseFullMerge(runs)) {
        runs = merged(runs, merge.runs);
      }
      expect(runs.map((run) => run.rows)).toEqual([rows.reduce((sum, count) => sum + count, 0)]);
    }),
  );
});
