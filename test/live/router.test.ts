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

const within = (column: number, low: Cell, high: Cell): IndexTerm => ({
  kind: "range",
  column,
  low: { kind: "constant", value: low },
  lowInclusive: true,
  high: { kind: "constant", value: high },
  highInclusive: false,
});
const like = (
  pattern: Cell,
  { escape, foldsCase = false }: { escape?: Cell; foldsCase?: boolean } = {},
): IndexTerm => ({
  kind: "like",
  column: 1,
  pattern: { kind: "constant", value: pattern },
  escape: escape === undefined ? undefined : { kind: "constant", value: escape },
  foldsCase,
});
const startsWith = (prefix: Cell): IndexTerm => ({
  kind: "prefix",
  column: 1,
  prefix: { kind: "constant", value: prefix },
});
const notNull = (column: number): IndexTerm => ({ kind: "notNull", column });
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
    ["with a range on text that holds", [above(1, "Z")], row, true],
    ["not with a range on text that fails", [above(1, "a")], row, false],
    ["not with a range on text above it", [within(1, "b", "c")], row, false],
    [
      "with a range on text, by code point as SQL orders it",
      [above(1, "\u{ff5e}")],
      [7n, "\u{1f600}", 3, 900n, false],
      true,
    ],
    ["not so by UTF-16 unit", [above(1, "\u{1f600}")], [7n, "\u{ff5e}", 3, 900n, false], false],
    ["with a range on text against a number, always", [above(1, 2)], row, true],
    ["with a prefix", [like("ab%c")], [7n, "abc", 3, 900n, false], true],
    ["not with another prefix", [like("ab%c")], [7n, "ac", 3, 900n, false], false],
    ["not with a prefix in other letters", [like("ab%")], [7n, "ABC", 3, 900n, false], false],
    ["with a pattern without wildcards that is equal", [like("a")], row, true],
    ["not with one that is another text", [like("a")], [7n, "ab", 3, 900n, false], false],
    ["with an escaped wildcard in its prefix", [like("a\\%b%")], [7n, "a%bc", 3, 900n, false], true],
    ["not with what the escaped wildcard would match", [like("a\\%b%")], [7n, "axbc", 3, 900n, false], false],
    ["with an escape of its own", [like("a!%b%", { escape: "!" })], [7n, "a%bc", 3, 900n, false], true],
    ["with a text inside", [like("%word%")], [7n, "a word of it", 3, 900n, false], true],
    ["not without it", [like("%word%")], [7n, "a wo rd of it", 3, 900n, false], false],
    ["not in other letters", [like("%word%")], [7n, "a WORD of it", 3, 900n, false], false],
    [
      "with it in other letters for ILIKE",
      [like("%wOrd%", { foldsCase: true })],
      [7n, "a WoRD of it", 3, 900n, false],
      true,
    ],
    ["with any text for a short piece", [like("%w_r%")], [7n, "else", 3, 900n, false], true],
    ["not with NULL for a short piece", [like("%w%")], [7n, null, 3, 900n, false], false],
    ["never for a pattern that is NULL", [like(null)], row, false],
    ["with what is no pattern, always", [like("ab\\")], row, true],
    [
      "with two texts, one of which is there",
      [anyOf([like("%word%")], [like("%else%")])],
      [7n, "or else", 3, 900n, false],
      true,
    ],
    [
      "not with two texts, none of which is there",
      [anyOf([like("%word%")], [like("%else%")])],
      [7n, "nothing", 3, 900n, false],
      false,
    ],
    ["with a prefix to starts_with", [startsWith("ab")], [7n, "abc", 3, 900n, false], true],
    ["not with another to starts_with", [startsWith("ab%")], [7n, "abc", 3, 900n, false], false],
    ["with a value where one is asked for", [notNull(1)], row, true],
    ["not for a value when the row has NULL there", [notNull(1)], [7n, null, 3, 900n, false], false],
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
