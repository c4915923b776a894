// Time as a value passed in, so that tests can hold it still.

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May step backwards. */
  nowMs(): number;
  /** Monotonic, milliseconds from an arbitrary start. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
