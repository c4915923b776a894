// What a connection may ask for, and what it is told when it may not or when something fails.
import { DbError } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import { redact } from "../protocol/http.ts";
import type { LiveLimits } from "./limits.ts";
import type { LiveConnection } from "./registry.ts";

/** Throws what is wrong with one more subscription under this id; one that exists is replaced. */
export function assertAdmitted(
  connection: LiveConnection,
  id: string,
  { limits, ofUser }: { readonly limits: LiveLimits; readonly ofUser: number },
): void {
  if (id.trim() === "") throw new DbError("INVALID_SUBSCRIPTION_ID", "Subscription ID cannot be empty");
  if (id.length > limits.subscriptionIdLength) {
    const what = `is too long (${id.length} characters, max ${limits.subscriptionIdLength})`;
    throw new DbError("INVALID_SUBSCRIPTION_ID", `Subscription ID ${what}`);
  }
  const replaced = connection.subscriptions.get(id) === undefined ? 0 : 1;
  if (ofUser - replaced >= limits.subscriptionsPerUser) {
    throw new DbError("SUBSCRIPTION_LIMIT_EXCEEDED", "Maximum subscriptions reached");
  }
  const max = limits.subscriptionsPerConnection;
  if (connection.subscriptions.size - replaced >= max) {
    const message = `Invalid operation: Maximum subscriptions (${max}) per connection exceeded`;
    throw new DbError("UNSUPPORTED", message);
  }
}

const MIN_RETRY_MS = 1_000;
const RETRY_SPREAD_MS = 4_000;
/** Coprime to the spread, so that clients refused one after the other come back one after the other. */
const RETRY_STEP_MS = 619;

/** When the nth client that could not be served is to come back: evenly spread, whatever storm they came in. */
export function retryAfterMs(nth: number): number {
  return MIN_RETRY_MS + ((nth * RETRY_STEP_MS) % RETRY_SPREAD_MS);
}

/** Codes that say more than SUBSCRIPTION_FAILED. */
const LIVE_CODES: ReadonlySet<string> = new Set([
  "INVALID_SUBSCRIPTION_ID",
  "SUBSCRIPTION_LIMIT_EXCEEDED",
  "NAMESPACE_NOT_FOUND",
  "TABLE_NOT_FOUND",
  "COLUMN_NOT_FOUND",
  "PERMISSION_DENIED",
  "UNSUPPORTED",
  "RESULT_TOO_LARGE",
  "OUT_OF_MEMORY",
  "STATEMENT_TIMEOUT",
  "SERVER_BUSY",
  "SHUTTING_DOWN",
]);

/** Whoever subscribed is told no more than over HTTP; the log has the rest. */
export function toClientError(error: unknown, what: string, log: Log): DbError {
  const shown = redact(error, false);
  if (shown === error && LIVE_CODES.has(shown.code)) return shown;
  if (shown === error) {
    return new DbError("SUBSCRIPTION_FAILED", shown.message, { cause: error, retryAfterMs: shown.retryAfterMs });
  }
  log.error("live query failed", { liveQuery: what, error: errorText(error) });
  return new DbError("SUBSCRIPTION_FAILED", "The live query failed; the server's log says why", { cause: error });
}
