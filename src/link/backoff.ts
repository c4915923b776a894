// How long to wait before connecting again.

export interface BackoffOptions {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  /** Attempts in a row before giving up; Infinity never does. */
  readonly maxAttempts: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = {
  initialDelayMs: 500,
  maxDelayMs: 30_000,
  maxAttempts: Number.POSITIVE_INFINITY,
};

/**
 * Doubles with each attempt up to the cap. `random` (0 to 1) takes up to half of it away, so that clients which lost the same server do
 * not come back at the same moment.
 */
export function backoffDelayMs(attempt: number, options: BackoffOptions, random: number): number {
  const full = Math.min(options.maxDelayMs, options.initialDelayMs * 2 ** Math.min(attempt, 30));
  return Math.round(full * (1 - random / 2));
}
