// `t AT TIME ZONE zone`: a timestamp without a zone becomes the instant at which clocks there show it, an instant what they show then. The zone is a name,
// or how far its clocks are ahead of UTC.
import { DbError } from "../../../base/errors.ts";
import { formatInterval, intervalOf } from "../../../model/interval.ts";
import { type SqlType, TIMESTAMP } from "../../../model/sql-type.ts";
import { fixedZone, instantOfLocal, localOfInstant, type ZoneOffset, zoneOf } from "../../../model/time-zone.ts";
import { defineFunction, type Overload, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { inTimestamp } from "./range.ts";

const INSTANT: SqlType = { kind: "datetime" };

function zoneOfInterval(cell: string): ZoneOffset {
  const interval = intervalOf(cell);
  if (interval.months === 0 && interval.days === 0) return fixedZone(Number(interval.us / 1000n));
  const message = `interval time zone "${formatInterval(interval)}" must not include months or days`;
  throw new DbError("SQL_EXECUTION_ERROR", message);
}

function overloads(kind: "text" | "interval", read: (zone: string) => ZoneOffset): readonly Overload[] {
  return [
    preparedOverload([kind, "timestamp"], INSTANT, () => {
      const zoneBy = memoizeLast((zone = "") => read(zone));
      return (zone, local) => inTimestamp(instantOfLocal(local, zoneBy(zone)));
    }),
    preparedOverload([kind, "datetime"], TIMESTAMP, () => {
      const zoneBy = memoizeLast((zone = "") => read(zone));
      return (zone, instant) => inTimestamp(localOfInstant(instant, zoneBy(zone)));
    }),
  ];
}

export const timezone = defineFunction("timezone", [
  ...overloads("text", zoneOf),
  ...overloads("interval", zoneOfInterval),
]);
