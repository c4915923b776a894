// The identity of a group: subscriptions with equal keys receive the same bytes.
import type { Scope } from "../base/ids.ts";
import type { Cell } from "../model/sql-type.ts";
import type { Dialect } from "../protocol/dialect.ts";
import type { LivePlan, SlotValues } from "../sql/plan.ts";

export interface ShapeParts {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
  readonly scope: Scope;
  readonly dialect: Dialect;
}

/** A digest: the statement's text in every key would be most of what a group takes. Cryptographic, because a collision would show one user's rows to another. */
export function shapeKey({ plan, slots, scope, dialect }: ShapeParts): string {
  const shape = JSON.stringify([
    plan.snapshot.relations.map((use) => (use.kind === "systemView" ? use.view : [use.schema.id, use.schema.version])),
    plan.table.id,
    plan.table.version,
    scope,
    dialect.protocol,
    dialect.format,
    plan.shape,
    plan.projection,
    plan.wholeRow,
    plan.output.map((column) => column.name),
    slots.map(cellKey),
  ]);
  return Bun.SHA256.hash(shape, "base64");
}

/** Cells of different types never share a key. */
function cellKey(cell: Cell): string | null {
  if (cell === null) return null;
  if (cell instanceof Uint8Array) return `x${cell.toHex()}`;
  // Object.is tells -0 from 0 where String does not, and a predicate may too.
  return `${(typeof cell)[0] ?? ""}${Object.is(cell, -0) ? "-0" : String(cell)}`;
}
