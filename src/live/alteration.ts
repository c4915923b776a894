// What an ALTER TABLE means to the live queries that read the table: each goes on under the new version, or ends with the reason.
import { DbError } from "../base/errors.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { LivePlan } from "../sql/plan.ts";
import type { GroupEncoders } from "./encoder.ts";
import type { Group } from "./group.ts";
import type { Principal } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { shapeKey } from "./shape.ts";
import type { Subscription } from "./subscription.ts";

export interface AlterationDeps {
  readonly registry: Registry;
  readonly encoders: GroupEncoders;
  readonly epoch: string;
  /** Throws PERMISSION_DENIED when the principal may not read the table as it is now. */
  readonly authorize: (principal: Principal, table: TableSchema) => void;
  readonly fail: (subscription: Subscription, error: unknown) => void;
}

/** Tells those who may not go on why. True: the others are to be planned again. */
export function judgeGroup(group: Group<Subscription>, table: TableSchema, deps: AlterationDeps): boolean {
  if (!group.reads.some((read) => read.table === table.id)) return false;
  const own = group.plan.table;
  const isOwn = own.id === table.id;
  // Planned for a version that is still to come here, and judged then.
  if (isOwn && own.version > table.version) return false;
  const lost = isOwn ? lostColumn(group.plan, table) : undefined;
  for (const subscription of group.subscribers()) {
    if (lost !== undefined) deps.fail(subscription, lost);
    else failUnless(() => deps.authorize(subscription.connection.principal, table), [subscription], deps);
  }
  return group.size > 0 && !(isOwn && own.version === table.version);
}

/** Plans a group again for the table as it is now, or ends it with the reason. */
export function renewGroup(group: Group<Subscription>, table: TableSchema, deps: AlterationDeps): void {
  failUnless(() => renew(group, table, deps), group.subscribers(), deps);
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

function renew(group: Group<Subscription>, table: TableSchema, { registry, encoders, epoch }: AlterationDeps): void {
  const [first] = group.subscribers();
  if (first === undefined) return;
  const { dialect } = first.connection;
  // Its own table may have been altered again: of that version no change has come yet.
  const own = group.plan.table;
  const { plan, slots } = group.statement.plan(own.id === table.id ? table : own);
  assertGoesOn(group, plan);
  const encoder = encoders.of(plan, { dialect, channel: group.channel, epoch });
  const shape = shapeKey({ plan, slots, scope: group.scope, dialect });
  let key = shape;
  for (let copy = 1; registry.group(key) !== undefined; copy++) key = `${shape}#${copy}`;
  const before = group.view;
  registry.renewGroup(group, key, { plan, slots, encoder });
  group.announce(before);
}

/** Throws where a client has to begin anew. */
function assertGoesOn({ plan: before, upkeep }: Group<Subscription>, plan: LivePlan): void {
  const { kind } = plan.strategy;
  // The shape of a query with sub-queries names their columns by ids: a column that took over an old name makes another shape.
  const isReadOtherwise = kind !== before.strategy.kind || (kind === "rerun" && plan.shape !== before.shape);
  if (!isReadOtherwise && (upkeep === undefined || upkeep.survives(isLaidOutAlike(before.table, plan.table)))) return;
  throw tableAltered({ meansTheSame: !isReadOtherwise });
}

function isLaidOutAlike(a: TableSchema, b: TableSchema): boolean {
  const layout = ({ columns }: TableSchema) => columns.map(({ id, type }) => [id, type]);
  return a.keyIndex === b.keyIndex && Bun.deepEquals(layout(a), layout(b));
}

/** Only what still means the same is subscribed again without being asked. */
export function tableAltered({ meansTheSame }: { readonly meansTheSame: boolean }): DbError {
  const message = "A table of the live query was altered; subscribe again";
  return new DbError("SUBSCRIPTION_FAILED", message, { retryAfterMs: meansTheSame ? 0 : undefined });
}

export function tableGone(table: TableSchema): DbError {
  return new DbError("TABLE_NOT_FOUND", `Not found: Table not found: ${qualifiedName(table)}`);
}

export function viewChanged(name: string): DbError {
  const message = `The view ${name} of the live query was changed; subscribe again`;
  return new DbError("SUBSCRIPTION_FAILED", message, { retryAfterMs: 0 });
}
