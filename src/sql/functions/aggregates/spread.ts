// Variances and standard deviations of doubles, by the running method of Youngs and Cramer, as PostgreSQL has them: no sum of squares to lose digits in.
import { outOfRange } from "../numeric-range.ts";
import { type AggregateDefinition, defineAggregate } from "./definition.ts";

interface Spread {
  readonly count: number;
  readonly sum: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
}

function step(spread: Spread, value: number): Spread {
  const count = spread.count + 1;
  const sum = spread.sum + value;
  if (count === 1) return { count, sum, squares: Number.isFinite(value) ? 0 : Number.NaN };
  const distance = value * count - sum;
  return { count, sum, squares: spread.squares + (distance * distance) / (count * (count - 1)) };
}

function spreadFunction(
  name: string,
  { isSample, isRoot }: { isSample: boolean; isRoot: boolean },
): AggregateDefinition {
  return defineAggregate<Spread>(name, {
    start: () => ({ count: 0, sum: 0, squares: 0 }),
    step: (spread, value = null) => (value === null ? spread : step(spread, Number(value))),
    result: ({ count, squares }) => {
      const divisor = isSample ? count - 1 : count;
      if (divisor <= 0) return null;
      const variance = squares / divisor;
      if (!Number.isFinite(variance)) throw outOfRange(`the result of ${name}`);
      return isRoot ? Math.sqrt(variance) : variance;
    },
  });
}

export const SPREAD: readonly AggregateDefinition[] = [
  spreadFunction("var_samp", { isSample: true, isRoot: false }),
  spreadFunction("var_pop", { isSample: false, isRoot: false }),
  spreadFunction("stddev_samp", { isSample: true, isRoot: true }),
  spreadFunction("stddev_pop", { isSample: false, isRoot: true }),
];
