// What a group's query means under one version of its table. An ALTER makes the next view; a subscriber that is still loading finishes under the one it
// began with.
import type { LivePlan, SlotValues } from "../sql/plan.ts";
import type { GroupEncoder } from "./encoder.ts";

export interface View {
  readonly plan: LivePlan;
  readonly slots: SlotValues;
  readonly encoder: GroupEncoder;
}

/** Whether a client that knows the columns of one can read rows of the other. */
export function readAlike({ plan: a }: View, { plan: b }: View): boolean {
  return (
    Bun.deepEquals(a.output, b.output) &&
    a.projection.indexOf(a.table.keyIndex) === b.projection.indexOf(b.table.keyIndex)
  );
}
