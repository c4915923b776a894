// Every aggregate that SQLite has not of its own.
import { arrayList } from "./array-list.ts";
import { BITS } from "./bits.ts";
import { decimalTotal } from "./decimal-total.ts";
import type { AggregateDefinition } from "./definition.ts";
import { intervalTotal } from "./interval-total.ts";
import { jsonList, jsonObject } from "./json-collection.ts";
import { ORDERED_SET } from "./ordered-set.ts";
import { overFrames } from "./over-frames.ts";
import { REGRESSION } from "./regression.ts";
import { SPREAD } from "./spread.ts";

/** Those that PostgreSQL has over windows, and that take no row back of their own. */
const REPLAYED: readonly AggregateDefinition[] = [jsonList, jsonObject, ...BITS, ...REGRESSION, ...SPREAD];

export const AGGREGATE_FUNCTIONS: readonly AggregateDefinition[] = [
  ...REPLAYED.map(overFrames),
  arrayList,
  decimalTotal,
  intervalTotal,
  jsonList,
  jsonObject,
  ...BITS,
  ...ORDERED_SET,
  ...REGRESSION,
  ...SPREAD,
];
