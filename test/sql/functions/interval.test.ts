// Interval literals, and timestamps moved by them.
import { expect, test } from "bun:test";
import { DbError } from "../../../src/base/errors.ts";
import { TYPES } from "../../../src/model/types.ts";
import type { Expr } from "../../../src/sql/expression.ts";
import { internalFunction } from "../../../src/sql/functions/registry.ts";
import { negateInterval, parseInterval } from "../../../src/sql/functions/temporal/interval.ts";
import { big, byCompile, bySqlite, int, openDatabase, shown, ts } from "./expressions.ts";

const HOUR_US = 3_600_000_000n;

test.each([
  ["a number and a unit", "1 day", undefined, { months: 0, days: 1, us: 0n }],
  ["plural, any case", "3 MONTHS", undefined, { months: 3, days: 0, us: 0n }],
  ["several parts", "1 year 2 mons -3 days", undefined, { months: 14, days: -3, us: 0n }],
  ["clock form", "1 day 02:30", undefined, { months: 0, days: 1, us: (HOUR_US * 5n) / 2n }],
  ["clock form with sign and fraction", "-00:00:01.5", undefined, { months: 0, days: 0, us: -1_500_000n }],
  ["a fraction of a day is hours", "1.5 days", undefined, { months: 0, days: 1, us: 12n * HOUR_US }],
  ["a fraction of a month is days", "1.5 months", undefined, { months: 1, days: 15, us: 0n }],
  ["a bare number is seconds", "90", undefined, { months: 0, days: 0, us: 90_000_000n }],
  ["or what the field says", "3", "day", { months: 0, days: 3, us: 0n }],
  ["ago turns it round", "2 hours ago", undefined, { months: 0, days: 0, us: -2n * HOUR_US }],
  ["without a space", "5min", undefined, { months: 0, days: 0, us: 300_000_000n }],
])("TB-05 an interval: %s", (_why, text, field, expected) => {
  expect(parseInterval(text, field)).toEqual(expected);
  expect(negateInterval(negateInterval(parseInterval(text, field)))).toEqual(expected);
});

test.each([
  ["nothing", ""],
  ["a unit without a number", "day"],
  ["no unit of time", "3 parsecs"],
  ["a name every object has", "3 constructor"],
  ["minutes past the hour", "01:75"],
  ["more than can be held", "99999999999 years"],
  ["a text to slow the parser down", `${" ".repeat(100_000)}x`],
])("TB-05 no interval: %s", (_why, text) => {
  expect(() => parseInterval(text)).toThrow(DbError);
});

const db = openDatabase();
test.each([
  ["the last day of a shorter month", "2024-01-31 10:00", [1, 0, 0n], "2024-02-29 10:00:00"],
  ["a leap day a year on", "2024-02-29", [12, 0, 0n], "2025-02-28 00:00:00"],
  ["months before days before time", "2024-01-31", [1, 1, HOUR_US], "2024-03-01 01:00:00"],
  ["backwards over the epoch", "1970-01-01", [0, -1, -1n], "1969-12-30 23:59:59.999999"],
  ["past the range", "2024-01-01", [2_147_483_647, 0, 0n], "error: timestamp out of range"],
] as const)("TB-05 LQ-09 timestamp plus interval: %s", (_why, from, [months, days, us], expected) => {
  const args = [ts(from), int(months), int(days), big(us)];
  const { name, type } = internalFunction(
    "add_interval",
    args.map((arg) => arg.type),
  );
  const expr: Expr = { kind: "call", name, type, args };
  expect(TYPES[type.kind].names).toContain("timestamp");
  expect(shown(byCompile(expr) ?? { error: "not compiled" }, type)).toBe(expected);
  expect(shown(bySqlite(db, expr), type)).toBe(expected);
});
