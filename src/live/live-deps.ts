// What live queries are built from, what a subscribe asks of them, and what they count.
import type { Clock } from "../base/clock.ts";
import type { Scope } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { TableSchema } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import type { SubscribeOptions } from "../protocol/up.ts";
import type { LivePlan } from "../sql/plan.ts";
import type { LiveStatement } from "./group.ts";
import type { LiveLimits } from "./limits.ts";
import type { Outlet, Principal, RowSource } from "./ports.ts";

export interface LiveDeps {
  readonly outlet: Outlet;
  readonly source: RowSource;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: LiveLimits;
  /** Resolves when the event loop has time for a piece of work that many clients ask for at once; undefined: at once. */
  readonly turn: () => Promise<void> | undefined;
  /** Throws PERMISSION_DENIED when the principal may not read the table. Asked again when the table is altered. */
  readonly authorize: (principal: Principal, table: TableSchema) => void;
}

export interface LiveRequest {
  /** The client's own, unique within its connection; one that is active is replaced. */
  readonly id: string;
  /** As the client wrote it. */
  readonly query: string;
  readonly plan: LivePlan;
  readonly slots: readonly Cell[];
  /** Where `plan` and `slots` are from. */
  readonly statement: LiveStatement;
  readonly scope: Scope;
  /** Undefined: no initial data. */
  readonly options: SubscribeOptions | undefined;
}

export interface LiveCounters {
  readonly connections: number;
  readonly subscriptions: number;
  readonly groups: number;
  /** Held for subscriptions that are loading. */
  readonly heldBytes: number;
  /** Kept of queries that are run again. */
  readonly rerunRows: number;
  /** Newest versions, kept to resume from. */
  readonly recentBytes: number;
  /** Pages that wait to be read. */
  readonly readsWaiting: number;
  /** Pages read, and pages of history that memory answered. */
  readonly reads: number;
  readonly readsFromMemory: number;
  readonly commits: number;
  /** Times a group was asked whether a change concerns it. */
  readonly groupsVisited: number;
  readonly slowConsumers: number;
}
