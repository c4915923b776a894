import type { Clock } from "../base/clock.ts";
import { Lru } from "../base/lru.ts";

export interface Bucket {
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
    const known = this.#buckets.get(key);
    if (known !== undefined) return this.takeFrom(known);
    const bucket = this.fullBucket();
    this.#buckets.set(key, bucket);
    return this.takeFrom(bucket);
  }

  /** Whether there is one to take; takes none. */
  has(key: string): boolean {
    const known = this.#buckets.get(key);
    return known === undefined || this.#refill(known) >= 1;
  }

  /** For a caller who keeps the bucket itself. */
  fullBucket(): Bucket {
    return { tokens: this.#perSecond, refilledAtMs: this.#clock.monotonicMs() };
  }

  takeFrom(bucket: Bucket): boolean {
    if (this.#refill(bucket) < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #refill(bucket: Bucket): number {
    const nowMs = this.#clock.monotonicMs();
    const refill = ((nowMs - bucket.refilledAtMs) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + refill);
    bucket.refilledAtMs = nowMs;
    return bucket.tokens;
  }
}
