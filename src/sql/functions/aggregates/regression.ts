// Aggregates of pairs (y, x) of doubles: covariance, correlation and linear regression. Pairs with a NULL do not count.
import { outOfRange } from "../numeric-range.ts";
import { type AggregateDefinition, defineAggregate } from "./definition.ts";

interface Pairs {
  readonly count: number;
  readonly sumX: number;
  readonly sumY: number;
  /** Sums of squared distances from the means, and of their products. */
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

/** Infinity is no distance from itself. */
function none(value: number): number {
  return Number.isFinite(value) ? 0 : Number.NaN;
}

function step(pairs: Pairs, y: number, x: number): Pairs {
  const count = pairs.count + 1;
  const [sumX, sumY] = [pairs.sumX + x, pairs.sumY + y];
  if (count === 1) return { count, sumX, sumY, xx: none(x), yy: none(y), xy: none(x + y) };
  const [dx, dy] = [x * count - sumX, y * count - sumY];
  const scale = 1 / (count * (count - 1));
  return {
    count,
    sumX,
    sumY,
    xx: pairs.xx + dx * dx * scale,
    yy: pairs.yy + dy * dy * scale,
    xy: pairs.xy + dx * dy * scale,
  };
}

function pairFunction(name: string, minimum: number, value: (pairs: Pairs) => number | null): AggregateDefinition {
  return defineAggregate<Pairs>(name, {
    start: () => ({ count: 0, sumX: 0, sumY: 0, xx: 0, yy: 0, xy: 0 }),
    step: (pairs, y = null, x = null) => (y === null || x === null ? pairs : step(pairs, Number(y), Number(x))),
    result: (pairs) => {
      if (pairs.count < minimum) return null;
      const result = value(pairs);
      if (result !== null && !Number.isFinite(result)) throw outOfRange(`the result of ${name}`);
      return result;
    },
  });
}

export const REGRESSION: readonly AggregateDefinition[] = [
  pairFunction("covar_pop", 1, ({ xy, count }) => xy / count),
  pairFunction("covar_samp", 2, ({ xy, count }) => xy / (count - 1)),
  pairFunction("corr", 1, ({ xx, yy, xy }) => (xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy))),
  pairFunction("regr_slope", 1, ({ xx, xy }) => (xx === 0 ? null : xy / xx)),
  pairFunction("regr_intercept", 1, ({ count, sumX, sumY, xx, xy }) =>
    xx === 0 ? null : (sumY - (sumX * xy) / xx) / count,
  ),
  pairFunction("regr_r2", 1, ({ xx, yy, xy }) => (xx === 0 ? null : yy === 0 ? 1 : (xy * xy) / (xx * yy))),
  pairFunction("regr_avgx", 1, ({ sumX, count }) => sumX / count),
  pairFunction("regr_avgy", 1, ({ sumY, count }) => sumY / count),
  pairFunction("regr_sxx", 1, ({ xx }) => xx),
  pairFunction("regr_syy", 1, ({ yy }) => yy),
  pairFunction("regr_sxy", 1, ({ xy }) => xy),
];
