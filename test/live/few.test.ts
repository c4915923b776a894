import { describe, expect, test } from "bun:test";
import { Few } from "../../src/live/few.ts";
import { FewByKey } from "../../src/live/few-by-key.ts";

describe("a set of few", () => {
  test("is a set: of none, of one, of many, and back", () => {
    const few = new Few<string>();
    const all = new Set<string>();
    for (const item of ["a", "a", "b", "c", "b"]) {
      few.add(item);
      all.add(item);
      expect([[...few], few.size]).toEqual([[...all], all.size]);
    }
    for (const item of ["b", "x", "a", "c", "c"]) {
      few.delete(item);
      all.delete(item);
      expect([[...few], few.size, few.has("c")]).toEqual([[...all], all.size, all.has("c")]);
    }
    few.add("d");
    const found = new Set(["z"]);
    few.addAllTo(found);
    expect([...found]).toEqual(["z", "d"]);
  });

  test("meets what comes while it is looked at, once, and leaves out what has gone", () => {
    const few = new Few<string>();
    few.add("a");
    const met: string[] = [];
    for (const item of few) {
      met.push(item);
      if (item === "a") for (const next of ["b", "c", "d"]) few.add(next);
      few.delete("c");
    }
    expect(met).toEqual(["a", "b", "d"]);
  });
});

test("a map of few is a map: of none, of one, of many, and back", () => {
  const few = new FewByKey<string, number>();
  const all = new Map<string, number>();
  for (const [key, value] of [
    ["a", 1],
    ["a", 2],
    ["b", 3],
    ["c", 4],
  ] as const) {
    few.set(key, value);
    all.set(key, value);
    expect([few.values(), few.size, few.get("a")]).toEqual([[...all.values()], all.size, all.get("a")]);
  }
  for (const key of ["b", "x", "a", "c", "c"]) {
    few.delete(key);
    all.delete(key);
    expect([few.values(), few.size, few.get("c")]).toEqual([[...all.values()], all.size, all.get("c")]);
  }
});
