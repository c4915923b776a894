// The life of the one socket as a state machine. Pure: no socket, no timer, no randomness; the connection runs the effects.
// Invariants: at most one socket and one timer at a time; after `stopped` nothing happens until something is wanted again.
import { assertNever } from "../base/errors.ts";
import { type BackoffOptions, backoffDelayMs } from "./backoff.ts";
import { KalamError } from "./kalam-error.ts";

/** Which one the next socket shows: the one at hand, or a `fresh` one, because the server ended or refused the last. */
export type SessionToken = "kept" | "fresh";

interface Connecting {
  readonly attempt: number;
  readonly token: SessionToken;
  /** Tokens refused in a row. */
  readonly refusals: number;
}

export type Session =
  | { readonly phase: "idle" }
  /** Getting a token and opening the socket. */
  | (Connecting & { readonly phase: "opening" })
  | (Connecting & { readonly phase: "authenticating" })
  | { readonly phase: "open" }
  | (Connecting & { readonly phase: "waiting" })
  | { readonly phase: "stopped" };

/**
 * The last of so many refused tokens is final. A good one can be void when it arrives, as when somebody logs out twice, and so can the one after it on a slow network;
 * a provider of tokens that are never good must still come to an end.
 */
const MAX_REFUSALS = 5;
const FIRST: Connecting = { attempt: 0, token: "kept", refusals: 0 };

export type SessionEvent =
  /** A subscription needs the socket. */
  | { readonly kind: "wanted" }
  | { readonly kind: "opened" }
  | { readonly kind: "authenticated" }
  /** `isFinal`: no other token can help. */
  | { readonly kind: "refused"; readonly error: KalamError; readonly isFinal: boolean; readonly random: number }
  | {
      readonly kind: "closed";
      readonly next: "reconnect" | "reauthenticate" | "stop";
      readonly error: KalamError;
      readonly random: number;
    }
  | { readonly kind: "timer" }
  | { readonly kind: "disconnect" };

export type SessionEffect =
  | { readonly kind: "open"; readonly fresh: boolean }
  | { readonly kind: "authenticate" }
  | { readonly kind: "subscribeAll" }
  | { readonly kind: "close" }
  | { readonly kind: "startTimer"; readonly delayMs: number }
  | { readonly kind: "stopTimer" }
  | { readonly kind: "failAll"; readonly error: KalamError };

export interface SessionStep {
  readonly next: Session;
  readonly effects: readonly SessionEffect[];
}

export function sessionStep(session: Session, event: SessionEvent, backoff: BackoffOptions): SessionStep {
  switch (event.kind) {
    case "wanted":
      return session.phase === "idle" || session.phase === "stopped" ? open(FIRST) : stay(session);
    case "opened":
      return session.phase === "opening"
        ? { next: { ...session, phase: "authenticating" }, effects: [{ kind: "authenticate" }] }
        : stay(session);
    case "authenticated":
      return session.phase === "authenticating"
        ? { next: { phase: "open" }, effects: [{ kind: "subscribeAll" }] }
        : stay(session);
    case "refused":
      return onRefused(session, event, backoff);
    case "closed":
      return onClosed(session, event, backoff);
    case "timer":
      return session.phase === "waiting" ? open(session) : stay(session);
    case "disconnect":
      return { next: { phase: "stopped" }, effects: [{ kind: "stopTimer" }, { kind: "close" }] };
    default:
      return assertNever(event, "session event");
  }
}

function stay(session: Session): SessionStep {
  return { next: session, effects: [] };
}

function open({ attempt, token, refusals }: Connecting): SessionStep {
  return {
    next: { phase: "opening", attempt, token, refusals },
    effects: [{ kind: "open", fresh: token === "fresh" }],
  };
}

function stop(error: KalamError): SessionStep {
  return { next: { phase: "stopped" }, effects: [{ kind: "close" }, { kind: "failAll", error }] };
}

/** A token may have expired or been voided unnoticed: another one is tried at once, and more of them after a while, before giving up. */
function onRefused(
  session: Session,
  event: Extract<SessionEvent, { kind: "refused" }>,
  backoff: BackoffOptions,
): SessionStep {
  if (session.phase !== "opening" && session.phase !== "authenticating") return stay(session);
  const refusals = session.refusals + 1;
  if (event.isFinal || refusals >= MAX_REFUSALS) return stop(event.error);
  const next: Connecting = { attempt: session.attempt, token: "fresh", refusals };
  if (refusals === 1) {
    const retry = open(next);
    return { next: retry.next, effects: [{ kind: "close" }, ...retry.effects] };
  }
  return {
    next: { ...next, phase: "waiting" },
    effects: [{ kind: "close" }, { kind: "startTimer", delayMs: backoffDelayMs(refusals - 2, backoff, event.random) }],
  };
}

function onClosed(
  session: Session,
  event: Extract<SessionEvent, { kind: "closed" }>,
  backoff: BackoffOptions,
): SessionStep {
  if (session.phase !== "opening" && session.phase !== "authenticating" && session.phase !== "open")
    return stay(session);
  if (event.next === "stop") return stop(event.error);
  const { attempt, token, refusals } = session.phase === "open" ? FIRST : session;
  if (attempt >= backoff.maxAttempts) {
    return stop(new KalamError("RECONNECT_LIMIT", `gave up after ${attempt} attempts`, { cause: event.error }));
  }
  return {
    next: {
      phase: "waiting",
      attempt: attempt + 1,
      token: event.next === "reauthenticate" ? "fresh" : token,
      refusals,
    },
    effects: [{ kind: "startTimer", delayMs: backoffDelayMs(attempt, backoff, event.random) }],
  };
}
