// IN over a list of expressions.
import type { Cell, TypeKind } from "../../model/sql-type.ts";
import type { Evaluate } from "../plan.ts";
import { BY_CONTENT, testFor } from "./compare.ts";

export interface Membership {
  readonly kind: TypeKind;
  readonly negated: boolean;
  readonly arg: Evaluate;
  readonly list: readonly Evaluate[];
  /** The list's values where they are known beforehand, undefined where not. */
  readonly constants: readonly (Cell | undefined)[];
}

export function compileIn({ kind, negated, arg, list, constants }: Membership): Evaluate {
  // Bytes are equal by content, a Set knows only identity.
  if (!BY_CONTENT.includes(kind) && !constants.includes(undefined)) return inConstants({ negated, arg, constants });
  const equal = testFor("=", kind);
  return (row, slots) => {
    const value = arg(row, slots);
    let unknown = value === null;
    let found = false;
    for (const item of list) {
      const member = item(row, slots);
      if (member === null || value === null) unknown = true;
      else if (equal(value, member)) {
        found = true;
        break;
      }
    }
    if (found) return !negated;
    return unknown ? null : negated;
  };
}

function inConstants({ negated, arg, constants }: Pick<Membership, "negated" | "arg" | "constants">): Evaluate {
  const members = new Set(constants);
  const hasNull = members.delete(null);
  return (row, slots) => {
    const value = arg(row, slots);
    if (value === null) return null;
    if (members.has(value)) return !negated;
    return hasNull ? null : negated;
  };
}
