// percentile_cont, percentile_disc and mode: aggregates of the sorted values of a group, which they hold, up to a number. The arguments are the value, the
// fraction (NULL for mode), and whether the order is descending.
import { DbError } from "../../../base/errors.ts";
import { type Interval, intervalCell, intervalOf } from "../../../model/interval.ts";
import type { SqliteValue } from "../../../model/sql-type.ts";
import { multiplied, negated, sum } from "../temporal/interval-arithmetic.ts";
import { compareText } from "../text/code-points.ts";
import { type AggregateDefinition, defineAggregate } from "./definition.ts";

const MAX_VALUES = 1_000_000;

type Present = Exclude<SqliteValue, null>;

interface Values {
  readonly all: Present[];
  fraction: number | null;
  isDescending: boolean;
}

/** The order of storage forms, which is that of the values. */
function compare(a: Present, b: Present): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function sorted({ all, isDescending }: Values): readonly Present[] {
  const ascending = all.toSorted(compare);
  return isDescending ? ascending.toReversed() : ascending;
}

function orderedSet(
  name: string,
  pick: (values: readonly Present[], fraction: number | null) => SqliteValue,
): AggregateDefinition {
  return defineAggregate<Values>(name, {
    start: () => ({ all: [], fraction: null, isDescending: false }),
    step: (values, value = null, fraction = null, isDescending = 0) => {
      values.fraction = fraction === null ? null : Number(fraction);
      values.isDescending = Number(isDescending) === 1;
      if (value === null) return values;
      if (values.all.length >= MAX_VALUES) {
        throw new DbError("SQL_EXECUTION_ERROR", `${name} takes at most ${MAX_VALUES} values of a group`);
      }
      values.all.push(value);
      return values;
    },
    result: (values) => (values.all.length === 0 ? null : pick(sorted(values), values.fraction)),
  });
}

function assertFraction(fraction: number): void {
  if (fraction >= 0 && fraction <= 1) return;
  throw new DbError("SQL_EXECUTION_ERROR", `percentile value ${fraction} is not between 0 and 1`);
}

const percentileCont = orderedSet("percentile_cont", (values, fraction) => {
  if (fraction === null) return null;
  assertFraction(fraction);
  const place = fraction * (values.length - 1);
  const [low, high] = [values[Math.floor(place)] ?? 0, values[Math.ceil(place)] ?? 0];
  const part = place - Math.floor(place);
  // The only text it takes is an interval.
  if (typeof low === "string") return betweenIntervals(intervalOf(low), intervalOf(String(high)), part);
  return Number(low) + (Number(high) - Number(low)) * part;
});

function betweenIntervals(low: Interval, high: Interval, part: number): string {
  return intervalCell(sum(low, intervalOf(multiplied(sum(high, negated(low)), part))));
}

const percentileDisc = orderedSet("percentile_disc", (values, fraction) => {
  if (fraction === null) return null;
  assertFraction(fraction);
  return values[Math.max(0, Math.ceil(fraction * values.length) - 1)] ?? null;
});

/** The most frequent value, the first in order of several. */
const mode = orderedSet("mode", (values) => {
  let best: { readonly value: SqliteValue; readonly count: number } = { value: null, count: 0 };
  let [previous, count]: [Present | undefined, number] = [undefined, 0];
  for (const value of values) {
    count = previous !== undefined && compare(previous, value) === 0 ? count + 1 : 1;
    previous = value;
    if (count > best.count) best = { value, count };
  }
  return best.value;
});

export const ORDERED_SET: readonly AggregateDefinition[] = [percentileCont, percentileDisc, mode];
