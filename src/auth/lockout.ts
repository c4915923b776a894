import { DbError } from "../base/errors.ts";

/** Wrong passwords in a row before the account is locked. */
const MAX_FAILURES = 5;
export const LOCK_MS = 15 * 60_000;

export interface LockState {
  readonly failedLogins: number;
  readonly lockedUntilMs: number | undefined;
}

export const NO_FAILURES: LockState = { failedLogins: 0, lockedUntilMs: undefined };

/** An ended lock starts the count anew. */
export function afterFailure(state: LockState, nowMs: number): LockState {
  const failedLogins = (state.lockedUntilMs === undefined ? state.failedLogins : 0) + 1;
  return { failedLogins, lockedUntilMs: failedLogins >= MAX_FAILURES ? nowMs + LOCK_MS : undefined };
}

export function assertNotLocked(state: LockState, nowMs: number): void {
  if (state.lockedUntilMs === undefined || nowMs >= state.lockedUntilMs) return;
  const minutes = Math.ceil((state.lockedUntilMs - nowMs) / 60_000);
  throw new DbError(
    "ACCOUNT_LOCKED",
    `Account is locked after too many failed logins. Try again in ${minutes} minute${minutes === 1 ? "" : "s"}.`,
  );
}
