import { expect, test } from "bun:test";
import fc from "fast-check";
import { IntervalTree, type Range, type RangeValue } from "../../src/live/interval-tree.ts";

const bound = fc.option(fc.oneof(fc.integer({ min: -6, max: 6 }), fc.bigInt({ min: -6n, max: 6n })), {
  nil: undefined,
});
const range: fc.Arbitrary<Range> = fc.record({
  low: bound,
  lowInclusive: fc.boolean(),
  high: bound,
  highInclusive: fc.boolean(),
});
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("add" as const), range }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), index: fc.nat() }) },
);

function contains({ low, lowInclusive, high, highInclusive }: Range, value: RangeValue): boolean {
  const isAboveLow = low === undefined || value > low || (lowInclusive && value >= low);
  return isAboveLow && (high === undefined || value < high || (highInclusive && value <= high));
}

test("LQ-16 an interval tree finds exactly the ranges that contain a value, after any additions and deletions", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const tree = new IntervalTree<number>();
      const kept = new Map<number, Range>();
      for (const [index, each] of actions.entries()) {
        if (each.kind === "add") {
          tree.add(index, each.range);
          kept.set(index, each.range);
        } else {
          const victim = [...kept.keys()][each.index % Math.max(1, kept.size)];
          if (victim === undefined) continue;
          tree.delete(victim);
          kept.delete(victim);
        }
      }
      expect(tree.size).toBe(kept.size);
      for (let value = -7; value <= 7; value++) {
        for (const probe of [value, BigInt(value), value + 0.5]) {
          const found: number[] = [];
          tree.search(probe, (item) => found.push(item));
          const expected = [...kept].filter(([, each]) => contains(each, probe)).map(([item]) => item);
          expect(found.sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("LQ-16 a search touches few of many disjoint ranges, in whatever order they came", () => {
  const tree = new IntervalTree<number>();
  let comparisons = 0;
  // A bound that counts how often it is looked at.
  const counted = (value: number) => ({ [Symbol.toPrimitive]: () => ((comparisons += 1), value) }) as unknown as number;
  for (let index = 0; index < 4_096; index++) {
    tree.add(index, { low: counted(index), lowInclusive: true, high: counted(index + 1), highInclusive: false });
  }
  comparisons = 0;
  const found: number[] = [];
  tree.search(2_000.5, (item) => found.push(item));
  expect(found).toEqual([2_000]);
  expect(comparisons).toBeLessThan(400);
});

test("an item that is added twice is refused", () => {
  const tree = new IntervalTree<string>();
  const range = { low: 1, lowInclusive: true, high: 2, highInclusive: true };
  tree.add("a", range);
  expect(() => tree.add("a", range)).toThrow("already");
});
