// AND, OR and NOT in three-valued logic; NULL is unknown.
import type { Evaluate } from "../plan.ts";

/** `decisive` settles the whole at once: false for AND, true for OR. */
function compileJunction(args: readonly Evaluate[], decisive: boolean): Evaluate {
  return (row, slots) => {
    let unknown = false;
    for (const arg of args) {
      const value = arg(row, slots);
      if (value === decisive) return decisive;
      if (value === null) unknown = true;
    }
    return unknown ? null : !decisive;
  };
}

export function compileAnd(args: readonly Evaluate[]): Evaluate {
  return compileJunction(args, false);
}

export function compileOr(args: readonly Evaluate[]): Evaluate {
  return compileJunction(args, true);
}

export function compileNot(arg: Evaluate): Evaluate {
  return (row, slots) => {
    const value = arg(row, slots);
    return value === null ? null : value !== true;
  };
}
