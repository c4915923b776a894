import { DbError } from "../../../base/errors.ts";
import { MAX_ARRAY_ELEMENTS } from "../../../model/array.ts";
import { assertTextLength } from "../text/limit.ts";
import { defineAggregate } from "./definition.ts";

interface Segments {
  length: number;
  readonly all: string[];
}

/** Arrays of one element, one after the other: array_agg. NULL without rows. */
export const arrayList = defineAggregate<Segments>("array_list", {
  start: () => ({ length: 0, all: [] }),
  step: (segments, value = null) => {
    const segment = String(value);
    segments.length += segment.length;
    assertTextLength(segments.length);
    if (segments.all.length >= MAX_ARRAY_ELEMENTS) throw new DbError("SQL_EXECUTION_ERROR", "an array is too large");
    segments.all.push(segment);
    return segments;
  },
  inverse: (segments) => {
    segments.length -= segments.all.shift()?.length ?? 0;
    return segments;
  },
  result: ({ all }) => (all.length === 0 ? null : all.join("")),
});
