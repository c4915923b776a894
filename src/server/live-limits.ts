// The settings of live queries, as `live` takes them.
import type { Config } from "../config/config.ts";
import { DEFAULT_LIVE_LIMITS, type LiveLimits } from "../live/limits.ts";

export function liveLimits(config: Config): LiveLimits {
  return {
    ...DEFAULT_LIVE_LIMITS,
    subscriptionsPerConnection: config.rateLimit.maxSubscriptionsPerConnection,
    subscriptionsPerUser: config.rateLimit.maxSubscriptionsPerUser,
    batchRows: config.live.batchSize,
    heldChanges: config.live.maxHeldChanges,
    rerunRows: config.live.maxRerunRows,
    // More would only wait in the pool, before other queries.
    readsAtOnce: config.query.processes,
    recentBytes: config.live.recentChangesBytes,
  };
}
