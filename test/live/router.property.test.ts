// What the router may leave out: nothing that matches. Terms, rows and the order of arrivals and departures are generated.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Router } from "../../src/live/router.ts";
import { afterPrefix, textOrderKey } from "../../src/live/text-order.ts";
import type { Cell } from "../../src/model/sql-type.ts";
import { compileLike } from "../../src/sql/functions/operators/like-pattern.ts";
import { compareText } from "../../src/sql/functions/text/code-points.ts";
import type { IndexTerm, LivePlan, ValueSource } from "../../src/sql/plan.ts";
import { chatTable, livePlan } from "./support/chat-table.ts";

const table = chatTable();

const key = fc.option(fc.bigInt({ min: 0n, max: 4n }));
const letters = fc.constantFrom("a", "b", "c", "A", "\u{e4}", "\u{ff5e}", "\u{1f600}");
const text = fc.array(letters, { maxLength: 7 }).map((each) => each.join(""));
const room = fc.option(fc.oneof(fc.constantFrom("a", "b", "c"), text));
const score = fc.option(fc.integer({ min: -3, max: 3 }));
const cellOf = [key, room, score] as const;

const constant = (value: Cell): ValueSource => ({ kind: "constant", value });
const column = fc.integer({ min: 0, max: 2 });

const equal: fc.Arbitrary<IndexTerm> = column.chain((at) =>
  fc
    .array<Cell>(cellOf[at] ?? key, { minLength: 1, maxLength: 3 })
    .map((values): IndexTerm => ({ kind: "equal", column: at, values: values.map(constant) })),
);
const range: fc.Arbitrary<IndexTerm> = fc
  .record({ low: fc.option(score), high: fc.option(score), lowInclusive: fc.boolean(), highInclusive: fc.boolean() })
  .map(
    ({ low, high, lowInclusive, highInclusive }): IndexTerm => ({
      kind: "range",
      column: 2,
      low: low === null ? undefined : constant(low),
      lowInclusive,
      high: high === null ? undefined : constant(high),
      highInclusive,
    }),
  );
const textRange: fc.Arbitrary<IndexTerm> = fc
  .record({ low: fc.option(room), high: fc.option(room), lowInclusive: fc.boolean(), highInclusive: fc.boolean() })
  .map(
    ({ low, high, lowInclusive, highInclusive }): IndexTerm => ({
      kind: "range",
      column: 1,
      low: low === null ? undefined : constant(low),
      lowInclusive,
      high: high === null ? undefined : constant(high),
      highInclusive,
    }),
  );
const symbol = fc.oneof(
  { weight: 4, arbitrary: letters },
  { weight: 1, arbitrary: fc.constantFrom("%", "_", "\\", "!") },
);
const pattern: fc.Arbitrary<IndexTerm> = fc
  .record({
    symbols: fc.array(symbol, { maxLength: 7 }),
    escape: fc.option(fc.constantFrom("", "!")),
    foldsCase: fc.boolean(),
  })
  .map(
    ({ symbols, escape, foldsCase }): IndexTerm => ({
      kind: "like",
      column: 1,
      pattern: constant(symbols.join("")),
      escape: escape === null ? undefined : constant(escape),
      foldsCase,
    }),
  );
const prefix: fc.Arbitrary<IndexTerm> = room.map(
  (value): IndexTerm => ({ kind: "prefix", column: 1, prefix: constant(value) }),
);
const isNull: fc.Arbitrary<IndexTerm> = fc
  .tuple(column, fc.boolean())
  .map(([at, isPresent]): IndexTerm => (isPresent ? { kind: "notNull", column: at } : { kind: "null", column: at }));
const simple = fc.oneof(equal, range, textRange, pattern, prefix, isNull);
const any: fc.Arbitrary<IndexTerm> = fc
  .array(fc.array(simple, { maxLength: 2 }), { minLength: 2, maxLength: 3 })
  .map((arms): IndexTerm => ({ kind: "any", arms }));
const terms = fc.array(fc.oneof(simple, any), { maxLength: 3 });

function valueOf(source: ValueSource): Cell {
  return source.kind === "constant" ? source.value : null;
}

function isAbove(value: Cell, bound: Cell, inclusive: boolean): boolean {
  if (typeof value === "string" && typeof bound === "string") {
    const order = compareText(value, bound);
    return inclusive ? order >= 0 : order > 0;
  }
  if (typeof value !== "number" || typeof bound !== "number") return false;
  return inclusive ? value >= bound : value > bound;
}

/** A pattern that ends with its escape is refused for every text: whoever has it must hear of each. */
function isLike({ pattern: source, escape, foldsCase }: Extract<IndexTerm, { kind: "like" }>, value: string): boolean {
  const fold = (each: string): string => (foldsCase ? each.toLowerCase() : each);
  try {
    const character = escape === undefined ? "\\" : String(valueOf(escape));
    return compileLike(fold(String(valueOf(source))), fold(character))(fold(value));
  } catch {
    // A refusal is no match, and must be met.
    return true;
  }
}

/** As SQL would say it: a comparison with NULL does not hold. */
function holds(term: IndexTerm, row: readonly Cell[]): boolean {
  if (term.kind === "any") return term.arms.some((arm) => arm.every((each) => holds(each, row)));
  const value = row[term.column] ?? null;
  if (term.kind === "null") return value === null;
  if (value === null) return false;
  if (term.kind === "notNull") return true;
  if (term.kind === "like") return typeof value === "string" && isLike(term, value);
  if (term.kind === "prefix") {
    const start = valueOf(term.prefix);
    return typeof value === "string" && typeof start === "string" && value.startsWith(start);
  }
  if (term.kind === "equal") return term.values.some((source) => valueOf(source) === value);
  const isLowEnough = term.high === undefined || isAbove(valueOf(term.high), value, term.highInclusive);
  return isLowEnough && (term.low === undefined || isAbove(value, valueOf(term.low), term.lowInclusive));
}

test("LQ-16 the candidates of a row contain every group whose terms all hold, and none that was deleted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ terms, isDeleted: fc.boolean() }), { maxLength: 12 }),
      fc.array(fc.tuple(key, room, score), { minLength: 1, maxLength: 8 }),
      (made, rows) => {
        const groups = made.map(({ terms: own, isDeleted }, index) => ({
          plan: livePlan(table, { name: `g${index}`, slots: [], terms: own }),
          slots: [],
          isDeleted,
        }));
        const router = new Router<(typeof groups)[number]>();
        for (const group of groups) router.add(group);
        for (const group of groups) if (group.isDeleted) router.delete(group);
        for (const cells of rows) {
          const found = new Set<(typeof groups)[number]>();
          router.collect([...cells, 1n, false], found);
          const missed = groups.filter(
            (group) => !group.isDeleted && group.plan.terms.every((term) => holds(term, cells)) && !found.has(group),
          );
          expect(missed).toEqual([]);
          expect([...found].filter((group) => group.isDeleted)).toEqual([]);
        }
        for (const group of groups) if (!group.isDeleted) router.delete(group);
        expect([router.size, router.entries]).toEqual([0, 0]);
      },
    ),
    { numRuns: 300 },
  );
});

test("LQ-16 texts as order keys are in the order of SQL, and a prefix is a range of them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      const [keyA, keyB] = [textOrderKey(a), textOrderKey(b)];
      expect(Math.sign(compareText(a, b))).toBe(keyA < keyB ? -1 : keyA > keyB ? 1 : 0);
      const end = afterPrefix(keyB);
      expect(keyA >= keyB && (end === undefined || keyA < end)).toBe(a.startsWith(b));
    }),
    { numRuns: 300 },
  );
});

test("LQ-16 of many patterns a change meets those whose text it may contain", () => {
  const router = new Router<{ readonly plan: LivePlan; readonly slots: readonly Cell[] }>();
  const patternOf = (value: string): IndexTerm => ({
    kind: "like",
    column: 1,
    pattern: constant(value),
    escape: undefined,
    foldsCase: false,
  });
  for (let n = 0; n < 1_000; n++) {
    const plan = livePlan(table, { name: `${n}`, slots: [], terms: [patternOf(`%nobody writes ${n}%`)] });
    router.add({ plan, slots: [] });
  }
  const met = (value: string): number => {
    const found = new Set<{ readonly plan: LivePlan; readonly slots: readonly Cell[] }>();
    router.collect([1n, value, 1, 1n, false], found);
    return found.size;
  };
  expect(met("what everybody reads, and some answer")).toBeLessThan(20);
  expect(met("nobody writes 17")).toBeGreaterThan(0);
});
