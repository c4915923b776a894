// What the router may leave out: nothing that matches. Terms, rows and the order of arrivals and departures are generated.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Router } from "../../src/live/router.ts";
import type { Cell } from "../../src/model/sql-type.ts";
import type { IndexTerm, ValueSource } from "../../src/sql/plan.ts";
import { chatTable, livePlan } from "./support/chat-table.ts";

const table = chatTable();

const key = fc.option(fc.bigInt({ min: 0n, max: 4n }));
const room = fc.option(fc.constantFrom("a", "b", "c"));
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
const isNull: fc.Arbitrary<IndexTerm> = column.map((at): IndexTerm => ({ kind: "null", column: at }));
const simple = fc.oneof(equal, range, isNull);
const any: fc.Arbitrary<IndexTerm> = fc
  .array(fc.array(simple, { maxLength: 2 }), { minLength: 2, maxLength: 3 })
  .map((arms): IndexTerm => ({ kind: "any", arms }));
const terms = fc.array(fc.oneof(simple, any), { maxLength: 3 });

function valueOf(source: ValueSource): Cell {
  return source.kind === "constant" ? source.value : null;
}

function isAbove(value: Cell, bound: Cell, inclusive: boolean): boolean {
  if (typeof value !== "number" || typeof bound !== "number") return false;
  return inclusive ? value >= bound : value > bound;
}

/** As SQL would say it: a comparison with NULL does not hold. */
function holds(term: IndexTerm, row: readonly Cell[]): boolean {
  if (term.kind === "any") return term.arms.some((arm) => arm.every((each) => holds(each, row)));
  const value = row[term.column] ?? null;
  if (term.kind === "null") return value === null;
  if (value === null) return false;
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
  );
});
