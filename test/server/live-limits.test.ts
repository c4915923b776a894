import { expect, test } from "bun:test";
import { configOf } from "../../src/config/config.ts";
import { DEFAULT_LIVE_LIMITS } from "../../src/live/limits.ts";
import { liveLimits } from "../../src/server/live-limits.ts";

test.each<[string, number, number]>([
  ["the default limit", 4 * 1024 * 1024, DEFAULT_LIVE_LIMITS.pushAheadBytes],
  ["the lowest limit", 64 * 1024, 16 * 1024],
])("LQ-13 with %s a socket counts as slow well before it is closed", (_what, limitBytes, expected) => {
  const config = configOf({ "live.backpressure_limit_bytes": limitBytes });
  expect(liveLimits(config).pushAheadBytes).toBe(expected);
});
