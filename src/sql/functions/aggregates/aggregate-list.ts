// Every aggregate that SQLite has not of its own.
import { arrayList } from "./array-list.ts";
import { BITS } from "./bits.ts";
import { decimalTotal } from "./decimal-total.ts";
import type { AggregateDefinition } from "./definition.ts";
import { intervalTotal } from "./interval-total.ts";
import { jsonList, jsonObject } from "./json-collection.ts";
import { ORDERED_SET } from "./ordered-set.ts";
import { REGRESSION } from "./regression.ts";
import { SPREAD } from "./spread.ts";

export const AGGREGATE_FUNCTIONS: readonly AggregateDefinition[] = [
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
