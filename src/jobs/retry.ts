// When a failed attempt is made again. Pure: the random number is handed in.
import { DbError, ERRORS } from "../base/errors.ts";
import { JobFailure } from "./job-kind.ts";

export const FIRST_RETRY_MS = 500;
export const LONGEST_RETRY_MS = 60_000;

/** Doubles with each attempt. The upper half is left to chance, so that jobs that failed together do not come back together. */
export function retryDelayMs(retries: number, random: number): number {
  const full = Math.min(FIRST_RETRY_MS * 2 ** retries, LONGEST_RETRY_MS);
  return Math.round(full / 2 + (random * full) / 2);
}

/** What lies with the disk or with other work may pass; a fault of ours does not. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof JobFailure) return error.isRetryable;
  return error instanceof DbError && ERRORS[error.code].retry;
}
