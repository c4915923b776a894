// What an ALTER TABLE means to the live queries of the table: each goes on under the new version, or ends with the reason. Runs in the tick of the commit, so
// that no change of the new version can meet a filter of the old one.
import { DbError } from "../base/errors.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { LivePlan } from "../sql/plan.ts";
import { createGroupEncoder } from "./encoder.ts";
import type { Group } from "./group.ts";
import type { Principal } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { shapeKey } from "./shape.ts";
import type { Subscription } from "./subscription.ts";

export interface AlterationDeps {
  readonly registry: Registry;
  readonly epoch: string;
  /** Throws PERMISSION_DENIED when the principal may not read the table as it is now. */
  readonly authorize: (principal: Principal, table: TableSchema) => void;
  readonly fail: (subscription: Subscription, error: unknown) => void;
}

export function alterLiveQueries(table: TableSchema, deps: AlterationDeps): void {
  for (const group of deps.registry.groupsOfTable(table.id)) {
    const lost = lostColumn(group.plan, table);
    for (const subscription of group.subscribers()) {
      if (lost !== undefined) deps.fail(subscription, lost);
      else failUnless(() => deps.authorize(subscription.connection.principal, table), [subscription], deps);
    }
    if (group.size > 0) failUnless(() => renew(group, deps), group.subscribers(), deps);
  }
}

function failUnless(work: () => void, subscriptions: readonly Subscription[], { fail }: AlterationDeps): void {
  try {
    work();
  } catch (error) {
    for (const subscription of subscriptions) fail(subscription, error);
  }
}

/** What became of a column that the statement names: under its old name there is nothing, or something else. */
function lostColumn(plan: LivePlan, table: TableSchema): DbError | undefined {
  for (const id of plan.namedColumns) {
    const name = plan.table.columns.find((column) => column.id === id)?.name ?? "";
    const now = table.columns.find((column) => column.id === id);
    if (now?.name === name) continue;
    const fate = now === undefined ? "was dropped from" : `was renamed to "${now.name}" in`;
    return new DbError("COLUMN_NOT_FOUND", `Column "${name}" ${fate} table ${qualifiedName(table)}`);
  }
  return undefined;
}

function renew(group: Group<Subscription>, { registry, epoch }: AlterationDeps): void {
  const [first] = group.subscribers();
  if (first === undefined) return;
  const { dialect } = first.connection;
  const { plan, slots } = group.replan();
  const encoder = createGroupEncoder(plan, { dialect, channel: group.channel, epoch });
  const shape = shapeKey({ plan, slots, scope: group.scope, dialect });
  let key = shape;
  for (let copy = 1; registry.group(key) !== undefined; copy++) key = `${shape}#${copy}`;
  registry.renewGroup(group, key, { plan, slots, encoder });
}
