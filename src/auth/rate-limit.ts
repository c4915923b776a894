import type { Clock } from "../base/clock.ts";
import { Lru } from "../base/lru.ts";

interface Bucket {
  tokens: number;
  refilledAtMs: number;
}

export interface RateLimiterOptions {
  readonly perSecond: number;
  /** Keys remembered. Past it the one unused for longest is forgotten, that is, gets a full bucket again. */
  readonly capacity: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** A token bucket for each key: holds one second's worth, refills continuously. */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #buckets: Lru<string, Bucket>;

  constructor({ perSecond, capacity, clock }: RateLimiterOptions) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#buckets = new Lru(capacity);
  }

  /** False: over the limit, and nothing was taken. */
  take(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#buckets.get(key);
    if (known === undefined) {
      this.#buckets.set(key, { tokens: this.#perSecond - 1, refilledAtMs: nowMs });
      return true;
    }
    const refill = ((nowMs - known.refilledAtMs) / 1000) * this.#perSecond;
    known.tokens = Math.min(this.#perSecond, known.tokens + refill);
    known.refilledAtMs = nowMs;
    if (known.tokens < 1) return false;
    known.tokens -= 1;
    return true;
  }
}
