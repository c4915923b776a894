import { describe, expect, test } from "bun:test";
import { Router } from "../../src/live/router.ts";
import type { Cell } from "../../src/model/sql-type.ts";
import type { IndexTerm } from "../../src/sql/plan.ts";
import { chatTable, livePlan } from "./support/chat-table.ts";

const table = chatTable();

function group(name: string, terms: readonly IndexTerm[], slots: readonly Cell[] = []) {
  return { name, plan: livePlan(table, { name, slots, terms }), slots };
}

const equal = (column: number, ...values: readonly Cell[]): IndexTerm => ({
  kind: "equal",
  column,
  values: values.map((value) => ({ kind: "constant", value })),
});
const above = (column: number, low: Cell): IndexTerm => ({
  kind: "range",
  column,
  low: { kind: "constant", value: low },
  lowInclusive: false,
  high: undefined,
  highInclusive: false,
});

const isNull = (column: number): IndexTerm => ({ kind: "null", column });
const anyOf = (...arms: readonly (readonly IndexTerm[])[]): IndexTerm => ({ kind: "any", arms });

function routed(terms: readonly IndexTerm[], row: readonly Cell[], slots: readonly Cell[] = []): boolean {
  const router = new Router<ReturnType<typeof group>>();
  router.add(group("g", terms, slots));
  const found = new Set<ReturnType<typeof group>>();
  router.collect(row, found);
  return found.size === 1;
}

describe("LQ-16 a row is routed to a group", () => {
  const row = [7n, "a", 3, 900n, false];
  test.each<[string, readonly IndexTerm[], readonly Cell[], boolean]>([
    ["without terms, always", [], row, true],
    ["with an equality that holds", [equal(1, "a")], row, true],
    ["not with an equality that fails", [equal(1, "b")], row, false],
    ["with any value of an IN list", [equal(1, "b", "a")], row, true],
    ["never when it compares with NULL", [equal(1, null)], [7n, null, 3, 900n, false], false],
    ["not when the row has NULL there", [equal(1, "a")], [7n, null, 3, 900n, false], false],
    ["with NULL beside other values of the list", [equal(1, null, "a")], row, true],
    ["with a range that holds", [above(2, 2)], row, true],
    ["not with a range that fails", [above(2, 3)], row, false],
    ["never for a range that begins at NULL", [above(2, null)], row, false],
    ["not for a range when the row has NULL there", [above(2, 2)], [7n, "a", null, 900n, false], false],
    ["by the most selective of several terms", [above(2, 100), equal(1, "b", "a")], row, true],
    ["with NULL where it is asked for", [isNull(1)], [7n, null, 3, 900n, false], true],
    ["not for NULL when the row has a value there", [isNull(1)], row, false],
    ["with one arm that holds", [anyOf([equal(1, "b")], [above(2, 2)])], row, true],
    [
      "with an arm that holds in its most selective term",
      [anyOf([above(2, 100), equal(1, "a")], [isNull(1)])],
      row,
      true,
    ],
    ["not with arms that all fail", [anyOf([equal(1, "b")], [above(2, 3)], [isNull(1)])], row, false],
    ["with an arm that cannot be indexed, always", [anyOf([equal(1, "b")], [])], row, true],
    ["with two ranges of one column, always", [anyOf([above(2, 100)], [above(2, 200)])], row, true],
    ["with a 64-bit key", [equal(0, 7n)], row, true],
    ["on `_seq`", [above(3, 899n)], row, true],
    ["with a range on text, whose order is not JavaScript's, always", [above(1, "z")], row, true],
    ["with a value of another type, which SQL might convert, always", [equal(0, "7")], row, true],
    ["with NaN, which SQL orders and JavaScript does not, always", [above(2, Number.NaN)], row, true],
    ["on `_deleted`, which is not indexed, always", [equal(4, true)], row, true],
  ])("%s", (_why, terms, values, expected) => {
    expect(routed(terms, values)).toBe(expected);
  });

  test("with values from its slots", () => {
    const terms: IndexTerm[] = [{ kind: "equal", column: 1, values: [{ kind: "slot", slot: 0 }] }];
    expect(routed(terms, row, ["a"])).toBe(true);
    expect(routed(terms, row, ["b"])).toBe(false);
  });
});

test("LQ-02 a router forgets what is deleted from it, wherever it stood", () => {
  const router = new Router<ReturnType<typeof group>>();
  const groups = [
    group("hash", [equal(1, "a", "b")]),
    group("range", [above(2, 1)]),
    group("rest", []),
    group("null", [isNull(1)]),
    group("any", [anyOf([equal(1, "a")], [equal(1, "a"), above(2, 1)], [above(2, 0)])]),
  ];
  for (const each of groups) router.add(each);
  for (const each of groups) router.delete(each);
  const found = new Set<ReturnType<typeof group>>();
  router.collect([7n, "a", 3, 900n, false], found);
  expect([found.size, router.size, router.entries]).toEqual([0, 0, 0]);
});
