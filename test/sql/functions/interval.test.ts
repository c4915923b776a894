// Interval input and output, apart from what `answers/intervals.tsv` asks of PostgreSQL: bounds, hostile text, and that reading and writing agree.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DbError } from "../../../src/base/errors.ts";
import { formatInterval, intervalCell, intervalKey, intervalLength, intervalOf } from "../../../src/model/interval.ts";
import { parseInterval } from "../../../src/model/parse-interval.ts";
import { cellToJson } from "../../../src/model/types.ts";
import { compareText } from "../../../src/sql/functions/text/code-points.ts";

test.each([
  ["nothing", ""],
  ["a unit without a number", "day"],
  ["no unit of time", "3 parsecs"],
  ["a name every object has", "3 constructor"],
  ["minutes past the hour", "01:75"],
  ["more than can be held", "99999999999 years"],
  ["a sum past the range", "2147483647 months 1 month 2 years"],
  ["a text to slow the parser down", `${" ".repeat(100_000)}x`],
  ["another", "1".repeat(200)],
])("TB-05 no interval: %s", (_why, text) => {
  expect(() => parseInterval(text)).toThrow(DbError);
});

const part = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.integer());
const interval = fc.record({
  months: part,
  days: part,
  us: fc.oneof(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
});

test("TB-05 an interval reads back from its text", () => {
  fc.assert(
    fc.property(interval, (given) => {
      expect(parseInterval(formatInterval(given))).toEqual(given);
    }),
  );
});

test("TB-05 LQ-09 the order of cells is the order of lengths, and equal lengths have equal keys", () => {
  fc.assert(
    fc.property(interval, interval, (a, b) => {
      const [x, y] = [intervalCell(a), intervalCell(b)];
      expect(intervalOf(x)).toEqual(a);
      const expected = intervalLength(a) < intervalLength(b) ? -1 : intervalLength(a) > intervalLength(b) ? 1 : 0;
      expect(Math.sign(compareText(intervalKey(x), intervalKey(y)))).toBe(expected);
    }),
  );
});

test("TB-04 an interval leaves as PostgreSQL's text", () => {
  expect(cellToJson(intervalCell({ months: 14, days: -3, us: 5_400_000_000n }), { kind: "interval" })).toBe(
    '"1 year 2 mons -3 days +01:30:00"',
  );
});
