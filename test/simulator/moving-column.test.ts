// What a row may show in the column that comes and goes, and what not.
import { expect, test } from "bun:test";
import { type MovingCell, mayBegin, mayShow, movingCell } from "./moving-column.ts";

/** Written while the column was called `more` and new rows got 100 in it. */
const origin = { from: 1, to: 1, cell: { name: "more", text: "BIGINT 100" } } as const;

test.each<[string, MovingCell, number, boolean]>([
  ["what it was written with", { name: "more", text: "BIGINT 100" }, 1, true],
  ["the same, read before an ALTER that is under way", { name: "more", text: "BIGINT 100" }, 2, true],
  ["nothing once the column is gone", { name: undefined, text: undefined }, 2, true],
  ["the first value of the column that came after it", { name: "extra", text: "INT 8" }, 3, true],
  ["that value under its next name", { name: "more", text: "BIGINT 8" }, 4, true],
  ["a name that it had before the row was written", { name: "extra", text: "INT 100" }, 1, false],
  ["the value of the column that is gone", { name: "extra", text: "INT 100" }, 3, false],
  ["the type before it was widened", { name: "more", text: "INT 100" }, 1, false],
  ["a column that is still to come", { name: "extra", text: "INT 8" }, 2, false],
])("a row shows %s: %j after %i ALTERs is %p", (_what, shown, alters, isRight) => {
  expect(mayShow(shown, origin, { upTo: alters })).toBe(isRight);
});

test("whoever was loading when the column came may be shown a newer row without it", () => {
  const newer = { from: 3, to: 3, cell: { name: "extra", text: "INT 8" } } as const;
  expect(mayShow({ name: undefined, text: undefined }, newer, { upTo: 3, since: 2 })).toBeTrue();
  expect(mayShow({ name: undefined, text: undefined }, newer, { upTo: 3, since: 3 })).toBeFalse();
  expect(mayShow({ name: undefined, text: undefined }, newer, { upTo: 3 })).toBeFalse();
});

test("nobody is shown a newer row under a name or in a type that the column had before, or in a column that was gone", () => {
  expect(mayShow({ name: "extra", text: "INT 100" }, origin, { upTo: 1, since: 0 })).toBeFalse();
  const dropped = { from: 2, to: 2, cell: { name: undefined, text: undefined } } as const;
  expect(mayShow({ name: "more", text: "BIGINT 0" }, dropped, { upTo: 2, since: 1 })).toBeFalse();
  expect(mayShow({ name: "more", text: "BIGINT 0" }, origin, { upTo: 2, since: 1 })).toBeFalse();
  expect(mayShow({ name: "more", text: "BIGINT 100" }, origin, { upTo: 2, since: 1 })).toBeTrue();
});

test("a row begins with the default that holds when it is inserted", () => {
  expect(mayBegin(origin)).toBeTrue();
  expect(mayBegin({ from: 0, to: 1, cell: { name: "extra", text: "INT 0" } })).toBeTrue();
  expect(mayBegin({ from: 1, to: 1, cell: { name: "more", text: "BIGINT 0" } })).toBeFalse();
});

test("a JSON number is an INT, and anything else a BIGINT", () => {
  expect(movingCell({ extra: 3 })).toEqual({ name: "extra", text: "INT 3" });
  expect(movingCell({ more: "3" })).toEqual({ name: "more", text: "BIGINT 3" });
  expect(movingCell({ more: 3n })).toEqual({ name: "more", text: "BIGINT 3" });
  expect(movingCell({ id: 3n })).toEqual({ name: undefined, text: undefined });
});
