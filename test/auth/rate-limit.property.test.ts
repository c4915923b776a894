// The token bucket: what it lets through, and that no history gets more.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { RateLimiter } from "../../src/auth/rate-limit.ts";
import { ManualClock } from "./fixture.ts";

test("AU-04 a bucket holds one second's worth and refills continuously", () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ perSecond: 10, capacity: 100, clock });
  const taken = (): number => Array.from({ length: 50 }, () => limiter.take("a")).filter(Boolean).length;
  expect(taken()).toBe(10);
  expect(taken()).toBe(0);
  clock.advance(99);
  expect(taken()).toBe(0);
  clock.advance(1);
  expect(taken()).toBe(1);
  clock.advance(60_000);
  expect(taken()).toBe(10);
});

test("AU-04 keys do not share a bucket, and past capacity the one unused for longest starts full again", () => {
  const clock = new ManualClock();
  const limiter = new RateLimiter({ perSecond: 1, capacity: 2, clock });
  expect([limiter.take("a"), limiter.take("b"), limiter.take("a"), limiter.take("b")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  limiter.take("c");
  expect(limiter.take("b")).toBe(false);
  expect(limiter.take("a")).toBe(true);
});

test("AU-04 in no stretch of time does more get through than one burst plus the rate", () => {
  const steps = fc.array(fc.tuple(fc.nat(700), fc.nat(30)), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (perSecond, history) => {
      const clock = new ManualClock();
      const limiter = new RateLimiter({ perSecond, capacity: 1, clock });
      const passedAtMs: number[] = [];
      for (const [pauseMs, attempts] of history) {
        clock.advance(pauseMs);
        for (let n = 0; n < attempts; n++) if (limiter.take("k")) passedAtMs.push(clock.nowMs());
      }
      for (const [first, fromMs] of passedAtMs.entries()) {
        for (const [last, toMs] of passedAtMs.entries()) {
          if (last < first) continue;
          const most = perSecond + ((toMs - fromMs) / 1000) * perSecond;
          expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
        }
      }
    }),
    { numRuns: 60 },
  );
});
