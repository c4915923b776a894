// Server messages that carry no rows. All of them are JSON text on every socket, whatever its notation: receivers read a text frame as
// JSON, so an error is readable even when the two sides disagree about the notation. Messages with rows: `peer-encoder`, `native-encoder`.
import { DbError, type ErrorCode } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { Role } from "../model/role.ts";
import { type Dialect, NATIVE_VERSION } from "./dialect.ts";
import { toJson } from "./json.ts";

export interface Identity {
  readonly user: string;
  readonly role: Role;
}

export function authSuccessMessage(identity: Identity, dialect: Dialect): string {
  return toJson({
    type: "auth_success",
    user: identity.user,
    role: identity.role,
    protocol: {
      version: dialect.protocol === "native" ? NATIVE_VERSION : undefined,
      serialization: dialect.format,
      compression: dialect.compression,
    },
  });
}

/** `code` is ours: it lets a client tell a bad token from a busy server. */
export function authErrorMessage(code: ErrorCode, message: string): string {
  return toJson({ type: "auth_error", message, code });
}

/** Codes that the peer protocol has other names for. */
const PEER_CODES: Partial<Record<ErrorCode, string>> = {
  TABLE_NOT_FOUND: "NOT_FOUND",
  NAMESPACE_NOT_FOUND: "NOT_FOUND",
  PERMISSION_DENIED: "UNAUTHORIZED",
  PROTOCOL_ERROR: "PROTOCOL",
};

/** Errors about no subscription in particular carry a word in its place: `protocol`, `rate_limit`, `subscribe`. */
export function errorMessage(protocol: Dialect["protocol"], subscriptionId: string, error: DbError): string {
  return toJson({
    type: "error",
    subscription_id: subscriptionId,
    code: protocol === "peer" ? (PEER_CODES[error.code] ?? error.code) : error.code,
    message: error.message,
    position: error.position,
    hint: error.hint,
    retry_after_ms: protocol === "native" ? error.retryAfterMs : undefined,
  });
}

/** One subscription was ended by an administrator. */
export function killedMessage(protocol: Dialect["protocol"], subscriptionId: string, message: string): string {
  if (protocol === "peer") return errorMessage("peer", subscriptionId, new DbError("KILLED", message));
  return toJson({ type: "killed", subscription_id: subscriptionId, message });
}

// Native sockets only; a peer client would log them as unknown.

/** Why a cursor cannot be continued from: older than what is kept, or of another data directory. */
export type ResetReason = "history" | "epoch";

/** A full snapshot follows and replaces everything sent before for this subscription. */
export function resetMessage(subscriptionId: string, reason: ResetReason): string {
  return toJson({ type: "reset", subscription_id: subscriptionId, reason });
}

/** `found` is false for an id that was not subscribed, which is no error. */
export function unsubscribedMessage(subscriptionId: string, found: boolean): string {
  return toJson({ type: "unsubscribed", subscription_id: subscriptionId, found });
}

/** Nothing matched up to here: the cursor moves, and the client knows that the stream is alive. */
export function progressMessage(channel: number, seq: Seq): string {
  return toJson({ type: "progress", channel, seq: seq.toString() });
}

/** Sent before close 4001. */
export function expiredMessage(message: string): string {
  return toJson({ type: "expired", message });
}

/** The answer to `ping`. */
export function pongMessage(): string {
  return '{"type":"pong"}';
}
