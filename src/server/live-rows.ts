// Live queries as rows of `system.live_queries`.
import type { LiveQueries } from "../live/live-queries.ts";
import type { Cell } from "../model/sql-type.ts";

/** In the order of LIVE_COLUMNS. */
export function liveRows(live: LiveQueries): Cell[][] {
  return [...live.rows()].map((row) => [
    row.liveId,
    row.connectionId,
    row.subscriptionId,
    row.userId,
    row.namespaceId,
    row.tableName,
    row.query,
    row.options ?? null,
    row.status,
    BigInt(row.changes),
    String(row.node),
    BigInt(Math.floor(row.createdAtMs)) * 1000n,
    BigInt(Math.floor(row.lastUpdateMs)) * 1000n,
    BigInt(row.queueBytes),
    BigInt(row.lagMs),
    row.phase,
  ]);
}
