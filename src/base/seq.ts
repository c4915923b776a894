// The generator of `_seq`: (ms since 2024-01-01) << 22 | worker << 12 | counter, as in the peer's wire contract, so that time can
// be read out of a position. Strictly increasing even when the clock steps back or a millisecond overflows its counter.
import type { Clock } from "./clock.ts";
import { type Seq, seqOf } from "./ids.ts";

const EPOCH_MS = 1_704_067_200_000;
const WORKER_BITS = 10n;
const COUNTER_BITS = 12n;
const TIME_SHIFT = WORKER_BITS + COUNTER_BITS;

export interface SeqGenerator {
  /** The next position, greater than every one before it. */
  next(): Seq;
  /** The last position given out, or the start value. */
  readonly last: Seq;
}

/** `after` is the last position known to be durable: everything given out is greater. */
export function createSeqGenerator(clock: Clock, after: Seq): SeqGenerator {
  let last: bigint = after;
  return {
    next() {
      const fromClock = BigInt(clock.nowMs() - EPOCH_MS) << TIME_SHIFT;
      last = fromClock > last ? fromClock : last + 1n;
      return seqOf(last);
    },
    get last() {
      return seqOf(last);
    },
  };
}

/** Milliseconds since the Unix epoch at which a position was given out (a lower bound under clock steps). */
export function seqTimeMs(seq: Seq): number {
  return Number(seq >> TIME_SHIFT) + EPOCH_MS;
}

/** At or below every position that is given out from this moment on, while the clock is right. */
export function seqAtMs(timeMs: number): Seq {
  return seqOf(BigInt(Math.max(0, Math.floor(timeMs) - EPOCH_MS)) << TIME_SHIFT);
}
