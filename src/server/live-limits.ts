// The settings of live queries, as `live` takes them.
import type { Config } from "../config/config.ts";
import { DEFAULT_LIVE_LIMITS, type LiveLimits } from "../live/limits.ts";

/** A socket must count as slow before it is closed for it, or nothing would ever wait for it. */
const PUSH_AHEAD_SHARE = 1 / 4;

export function liveLimits(config: Config): LiveLimits {
  return {
    ...DEFAULT_LIVE_LIMITS,
    subscriptionsPerConnection: config.rateLimit.maxSubscriptionsPerConnection,
    subscriptionsPerUser: config.rateLimit.maxSubscriptionsPerUser,
    pushAheadBytes: Math.min(
      DEFAULT_LIVE_LIMITS.pushAheadBytes,
      Math.floor(config.live.backpressureLimitBytes * PUSH_AHEAD_SHARE),
    ),
    batchRows: config.live.batchSize,
    heldChanges: config.live.maxHeldChanges,
    rerunRows: config.live.maxRerunRows,
    // More would only wait in the pool, before other queries.
    readsAtOnce: config.query.processes,
    recentBytes: config.live.recentChangesBytes,
  };
}
