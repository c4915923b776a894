// Live queries as an administrator sees them: one row of `system.live_queries` is a subscription, and what is known of a connection.
import type { ConnectionId, Seq, UserId } from "../base/ids.ts";
import { Lru } from "../base/lru.ts";
import type { Dialect } from "../protocol/dialect.ts";
import { toJson } from "../protocol/json.ts";
import type { SubscribeOptions } from "../protocol/up.ts";
import type { Backlogs } from "./backlogs.ts";
import type { Connection } from "./connection.ts";
import type { Outlet } from "./ports.ts";
import type { Subscription } from "./subscription.ts";

/** A subscription is in the registry only while it is active; the other values belong to rows that were. */
export type LiveStatus = "active" | "paused" | "terminated";

export interface LiveQueryRow {
  /** `{user}-{connection}-{subscription}` */
  readonly liveId: string;
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly userId: string;
  readonly namespaceId: string;
  readonly tableName: string;
  readonly query: string;
  /** JSON. */
  readonly options: string | undefined;
  readonly status: LiveStatus;
  /** How far delivery has come. Until it is `live`, what the client shows may lag and may be told again. */
  readonly phase: Subscription["phase"];
  /** Row changes delivered; rows of the initial data are not changes. */
  readonly changes: number;
  readonly node: number;
  readonly createdAtMs: number;
  readonly lastUpdateMs: number;
  /** The position delivery has reached; kept in memory only. */
  readonly lastSeq: Seq | undefined;
  /** Bytes waiting in the connection's socket, and for it. */
  readonly queueBytes: number;
  /** Age of the oldest change that is committed and that the socket has not taken: held, undecided, squashed, or in the socket's queue. */
  readonly lagMs: number;
}

/** One process serves everything. */
const NODE = 1;

export function liveId(subscription: Subscription): string {
  const { connection, id } = subscription;
  return `${connection.principal.user}-${connection.id}-${id}`;
}

/** By its live id. */
export function findLiveQuery(connections: Iterable<Connection<Subscription>>, id: string): Subscription | undefined {
  // A connection id has no dash, so it is one of the parts, whatever user and subscription id look like.
  const parts = new Set(id.split("-"));
  for (const connection of connections) {
    const prefix = `${connection.principal.user}-${connection.id}-`;
    if (!parts.has(connection.id) || !id.startsWith(prefix)) continue;
    const subscription = connection.subscriptions.get(id.slice(prefix.length));
    if (subscription !== undefined) return subscription;
  }
  return undefined;
}

export function* liveQueryRows(
  connections: Iterable<Connection<Subscription>>,
  at: { readonly outlet: Pick<Outlet, "queue">; readonly backlogs: Backlogs; readonly monotonicMs: number },
): Iterable<LiveQueryRow> {
  for (const connection of connections) {
    const queue = at.outlet.queue(connection.id);
    const queuedSinceMs = at.backlogs.oldest(connection, queue)?.atMs;
    const queueBytes = queue?.bytes ?? 0;
    for (const subscription of connection.subscriptions.values()) {
      yield toLiveQueryRow(subscription, { queueBytes, queuedSinceMs, monotonicMs: at.monotonicMs });
    }
  }
}

function toLiveQueryRow(
  subscription: Subscription,
  at: { readonly queueBytes: number; readonly queuedSinceMs: number | undefined; readonly monotonicMs: number },
): LiveQueryRow {
  const { connection, group } = subscription;
  const heldSinceMs = subscription.phase === "live" ? undefined : group.oldestHeldMs;
  const since = [heldSinceMs, group.upkeep?.waitingSinceMs, subscription.waitingSinceMs, at.queuedSinceMs];
  const oldestMs = Math.min(...since.filter((each) => each !== undefined), at.monotonicMs);
  return {
    liveId: liveId(subscription),
    connectionId: connection.id,
    subscriptionId: subscription.id,
    userId: connection.principal.user,
    namespaceId: group.plan.table.namespace,
    tableName: group.plan.table.name,
    query: subscription.query,
    options: subscription.options,
    status: "active",
    phase: subscription.phase,
    changes: subscription.changes,
    node: NODE,
    createdAtMs: subscription.createdAtMs,
    lastUpdateMs: subscription.lastUpdateMs,
    lastSeq: subscription.lastSeq,
    queueBytes: at.queueBytes + subscription.waitingBytes,
    lagMs: Math.round(at.monotonicMs - oldestMs),
  };
}

const KEPT_TEXTS = 100;

/** Texts of options, one string for all who ask alike, as most do. */
export class OptionsTexts {
  readonly #kept = new Lru<string, string>(KEPT_TEXTS);

  of(options: SubscribeOptions): string {
    const text = optionsText(options);
    const kept = this.#kept.get(text);
    if (kept === undefined) this.#kept.set(text, text);
    return kept ?? text;
  }
}

function optionsText({ batchSize, lastRows, from, slow }: SubscribeOptions): string {
  return toJson({ batch_size: batchSize, last_rows: lastRows, from, slow });
}

export interface LiveConnectionRow {
  readonly connectionId: ConnectionId;
  readonly user: UserId;
  readonly protocol: Dialect["protocol"];
  readonly subscriptions: number;
  /** Bytes waiting in the socket, and for it. */
  readonly queueBytes: number;
}

export function* liveConnectionRows(
  connections: Iterable<Connection<Subscription>>,
  outlet: Pick<Outlet, "queue">,
): Iterable<LiveConnectionRow> {
  for (const connection of connections) yield toLiveConnectionRow(connection, outlet.queue(connection.id)?.bytes ?? 0);
}

function toLiveConnectionRow(connection: Connection<Subscription>, socketBytes: number): LiveConnectionRow {
  const { id, principal, dialect, subscriptions } = connection;
  let queueBytes = socketBytes;
  for (const subscription of subscriptions.values()) queueBytes += subscription.waitingBytes;
  return {
    connectionId: id,
    user: principal.user,
    protocol: dialect.protocol,
    subscriptions: subscriptions.size,
    queueBytes,
  };
}
