import { expect, test } from "bun:test";
import { Recent } from "./recent.ts";

test.each([
  ["fewer than it holds", [1, 2], [1, 2]],
  ["as many", [1, 2, 3], [1, 2, 3]],
  ["more: the oldest are forgotten, the order stays", [1, 2, 3, 4, 5], [3, 4, 5]],
])("%s", (_why, added, kept) => {
  const recent = new Recent<number>(3);
  for (const item of added) recent.add(item);
  expect(recent.items()).toEqual(kept);
});
