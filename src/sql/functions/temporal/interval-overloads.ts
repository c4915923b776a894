// The overloads that arithmetic operators have for intervals.
import { intervalCell } from "../../../model/interval.ts";
import { INTERVAL, type SqlType, type TypeKind } from "../../../model/sql-type.ts";
import { type Overload, overload, preparedOverload } from "../definition.ts";
import {
  difference,
  divided,
  intervalReader,
  moved,
  movedTime,
  multiplied,
  negated,
  sum,
} from "./interval-arithmetic.ts";

const TIME: SqlType = { kind: "time" };
const INSTANTS = ["timestamp", "datetime"] as const satisfies readonly TypeKind[];

export const INTERVAL_SUMS: readonly Overload[] = [
  ...INSTANTS.flatMap((kind) => [
    preparedOverload([kind, "interval"], { kind }, () => {
      const read = intervalReader();
      return (instant, interval) => moved(instant, read(interval));
    }),
    preparedOverload(["interval", kind], { kind }, () => {
      const read = intervalReader();
      return (interval, instant) => moved(instant, read(interval));
    }),
  ]),
  preparedOverload(["time", "interval"], TIME, () => {
    const read = intervalReader();
    return (time, interval) => movedTime(time, read(interval).us);
  }),
  preparedOverload(["interval", "time"], TIME, () => {
    const read = intervalReader();
    return (interval, time) => movedTime(time, read(interval).us);
  }),
  preparedOverload(["interval", "interval"], INTERVAL, () => {
    const [first, second] = [intervalReader(), intervalReader()];
    return (a, b) => intervalCell(sum(first(a), second(b)));
  }),
];

export const INTERVAL_DIFFERENCES: readonly Overload[] = [
  ...INSTANTS.flatMap((kind) => [
    overload([kind, kind], INTERVAL, difference),
    preparedOverload([kind, "interval"], { kind }, () => {
      const read = intervalReader();
      return (instant, interval) => moved(instant, negated(read(interval)));
    }),
  ]),
  overload(["time", "time"], INTERVAL, (a, b) => intervalCell({ months: 0, days: 0, us: BigInt(a - b) })),
  preparedOverload(["time", "interval"], TIME, () => {
    const read = intervalReader();
    return (time, interval) => movedTime(time, -read(interval).us);
  }),
  preparedOverload(["interval", "interval"], INTERVAL, () => {
    const [first, second] = [intervalReader(), intervalReader()];
    return (a, b) => intervalCell(sum(first(a), negated(second(b))));
  }),
];

export const INTERVAL_PRODUCTS: readonly Overload[] = [
  preparedOverload(["interval", "double"], INTERVAL, () => {
    const read = intervalReader();
    return (interval, factor) => multiplied(read(interval), factor);
  }),
  preparedOverload(["double", "interval"], INTERVAL, () => {
    const read = intervalReader();
    return (factor, interval) => multiplied(read(interval), factor);
  }),
];

export const INTERVAL_QUOTIENTS: readonly Overload[] = [
  preparedOverload(["interval", "double"], INTERVAL, () => {
    const read = intervalReader();
    return (interval, divisor) => divided(read(interval), divisor);
  }),
];

export const INTERVAL_NEGATION: readonly Overload[] = [
  preparedOverload(["interval"], INTERVAL, () => {
    const read = intervalReader();
    return (interval) => intervalCell(negated(read(interval)));
  }),
];
