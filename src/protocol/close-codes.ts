// WebSocket close codes. Peer-protocol sockets get the codes their clients know; native sockets get application codes that say
// what a client should do next.

export interface CloseReason {
  readonly code: number;
  readonly reason: string;
  /** Whether a client should connect again by itself, and with what. */
  readonly next: "reconnect" | "reauthenticate" | "stop";
}

/** What both families may receive. */
export const CLOSE = {
  heartbeatTimeout: { code: 1000, reason: "Heartbeat timeout", next: "reconnect" },
  shuttingDown: { code: 1001, reason: "Server shutting down", next: "reconnect" },
  /** More sockets or loads than the server takes. */
  busy: { code: 1013, reason: "Server busy", next: "reconnect" },
  /** The `auth_error` before it has said whether another token is needed. */
  authenticationFailed: { code: 1008, reason: "Authentication failed", next: "reconnect" },
  authenticationTimeout: { code: 1008, reason: "Authentication timeout", next: "reconnect" },
} as const satisfies Record<string, CloseReason>;

export const NATIVE_CLOSE = {
  tokenExpired: { code: 4001, reason: "Token expired", next: "reauthenticate" },
  killed: { code: 4002, reason: "Connection killed", next: "stop" },
  slowConsumer: { code: 4003, reason: "Slow consumer: resume from your cursor", next: "reconnect" },
  revoked: { code: 4004, reason: "Access revoked", next: "reauthenticate" },
} as const satisfies Record<string, CloseReason>;

export type NativeCloseName = keyof typeof NATIVE_CLOSE;

/** The same events for peer-protocol sockets: the reason text is all that tells them apart. */
export const PEER_CLOSE: Record<NativeCloseName, CloseReason> = {
  tokenExpired: { code: 1008, reason: "Token expired", next: "reauthenticate" },
  killed: { code: 1008, reason: "Connection killed", next: "stop" },
  slowConsumer: { code: 1001, reason: "Slow consumer: resume from your cursor", next: "reconnect" },
  revoked: { code: 1008, reason: "Access revoked", next: "reauthenticate" },
};

export function closeFor(name: NativeCloseName, protocol: "peer" | "native"): CloseReason {
  return protocol === "native" ? NATIVE_CLOSE[name] : PEER_CLOSE[name];
}

const MAX_REASON_BYTES = 123;

/** RFC 6455 leaves 123 bytes for a reason. */
export function invalidMessage(text: string): CloseReason {
  let reason = `Invalid message: ${text}`.slice(0, MAX_REASON_BYTES);
  while (new TextEncoder().encode(reason).byteLength > MAX_REASON_BYTES) reason = reason.slice(0, -1);
  return { code: 1011, reason: reason.toWellFormed(), next: "reconnect" };
}

/** Frames this size or shape would be refused again: trying once more cannot help. */
const HOPELESS: readonly number[] = [1002, 1003, 1007, 1009, 1010];

/** What a client does after a close it did not ask for. */
export function nextAfterClose(code: number, reason: string): CloseReason["next"] {
  const known = [...Object.values(CLOSE), ...Object.values(NATIVE_CLOSE), ...Object.values(PEER_CLOSE)];
  const match =
    known.find((close) => close.code === code && close.reason === reason) ??
    Object.values(NATIVE_CLOSE).find((close) => close.code === code);
  if (match !== undefined) return match.next;
  return HOPELESS.includes(code) ? "stop" : "reconnect";
}
