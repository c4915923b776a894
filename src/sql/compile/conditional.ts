// CASE and COALESCE: what is not chosen is not evaluated.
import type { Evaluate } from "../plan.ts";

export function compileCase(whens: readonly Evaluate[], thens: readonly Evaluate[], otherwise: Evaluate): Evaluate {
  return (row, slots) => {
    const chosen = whens.findIndex((when) => when(row, slots) === true);
    return (thens[chosen] ?? otherwise)(row, slots);
  };
}

export function compileCoalesce(args: readonly Evaluate[]): Evaluate {
  return (row, slots) => {
    for (const arg of args) {
      const value = arg(row, slots);
      if (value !== null) return value;
    }
    return null;
  };
}
