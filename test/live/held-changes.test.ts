import { expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import { type CommitFrames, GroupEncoders } from "../../src/live/encoder.ts";
import { type Held, HeldChanges } from "../../src/live/held-changes.ts";
import { chatTable, everything, livePlan } from "./support/chat-table.ts";
import { dialect } from "./support/harness.ts";

const change = { kind: "insert", after: { seq: seqOf(1n), deleted: false, cells: [] } } as const;
const frames = (position: number, changes = 1, text = "frame"): CommitFrames => ({
  position: seqOf(BigInt(position)),
  changes: Array.from({ length: changes }, () => change),
  shared: text,
  spliced: [],
});
const plan = livePlan(chatTable(), everything);
const encoder = new GroupEncoders().of(plan, { dialect: dialect("native"), channel: 1, epoch: "e" });
const waiting = (commit: CommitFrames, atMs: number): Held => ({
  frames: commit,
  view: { plan, slots: [], encoder },
  atMs,
});
const bound = { heldChanges: 10, heldBytes: 1_000 };
const ample = () => ({ maxBytes: 10_000, usedBytes: 0 });
const positions = (held: HeldChanges, after: number): readonly number[] =>
  [...held.after(seqOf(BigInt(after)))].map((each) => Number(each.frames.position));

test("LQ-07 held commits are given back in order, above a position only", () => {
  const held = new HeldChanges(bound, ample());
  for (const position of [3, 5, 8]) held.push(waiting(frames(position), position * 10));
  expect([positions(held, 0), positions(held, 5), positions(held, 8)]).toEqual([[3, 5, 8], [8], []]);
  expect([held.oldestMs, held.forgotten]).toEqual([30, seqOf(0n)]);
});

test.each<[string, CommitFrames]>([
  ["changes", frames(5, 10)],
  ["bytes of a shared frame", frames(5, 1, "x".repeat(996))],
  [
    "bytes of messages for each subscriber",
    { ...frames(5), shared: undefined, spliced: [{ withId: () => "x".repeat(996) }] },
  ],
])("LQ-12 past the bound in %s everything held is forgotten, and up to where is known", (_what, straw) => {
  const held = new HeldChanges(bound, ample());
  held.push(waiting(frames(3), 0));
  held.push(waiting(straw, 0));
  expect([positions(held, 0), held.size, held.forgotten]).toEqual([[], 0, seqOf(5n)]);
  held.push(waiting(frames(8), 0));
  expect(positions(held, 0)).toEqual([8]);
});

test("LQ-12 past the budget of all groups a group forgets what it holds, and gives its share back", () => {
  const budget = { maxBytes: 1_200, usedBytes: 0 };
  const [one, two] = [new HeldChanges(bound, budget), new HeldChanges(bound, budget)];
  one.push(waiting(frames(3, 1, "x".repeat(700)), 0));
  two.push(waiting(frames(3, 1, "x".repeat(700)), 0));
  expect([positions(one, 0), positions(two, 0), budget.usedBytes]).toEqual([[3], [], 700]);
  one.clear();
  expect(budget.usedBytes).toBe(0);
});
