// The life of the one socket as a state machine. Pure: no socket, no timer, no randomness; the connection runs the effects.
// Invariants: at most one socket and one timer at a time; after `stopped` nothing happens until something is wanted again.
import { assertNever } from "../base/errors.ts";
import { type BackoffOptions, backoffDelayMs } from "./backoff.ts";
import { KalamError } from "./kalam-error.ts";

/**
 * Which one the next socket shows: the one at hand; a `fresh` one, because the server ended the last; or the `last` that is tried, because one was
 * refused. A fresh one may be void before it arrives (a second logout); then another is asked for.
 */
export type SessionToken = "kept" | "fresh" | "last";

export type Session =
  | { readonly phase: "idle" }
  /** Getting a token and opening the socket. */
  | { readonly phase: "opening"; readonly attempt: number; readonly token: SessionToken }
  | { readonly phase: "authenticating"; readonly attempt: number; readonly token: SessionToken }
  | { readonly phase: "open" }
  | { readonly phase: "waiting"; readonly attempt: number; readonly token: SessionToken }
  | { readonly phase: "stopped" };

export type SessionEvent =
  /** A subscription needs the socket. */
  | { readonly kind: "wanted" }
  | { readonly kind: "opened" }
  | { readonly kind: "authenticated" }
  /** `isFinal`: no other token can help. */
  | { readonly kind: "refused"; readonly error: KalamError; readonly isFinal: boolean }
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
      return session.phase === "idle" || session.phase === "stopped" ? open(0, "kept") : stay(session);
    case "opened":
      return session.phase === "opening"
        ? { next: { ...session, phase: "authenticating" }, effects: [{ kind: "authenticate" }] }
        : stay(session);
    case "authenticated":
      return session.phase === "authenticating"
        ? { next: { phase: "open" }, effects: [{ kind: "subscribeAll" }] }
        : stay(session);
    case "refused":
      return onRefused(session, event);
    case "closed":
      return onClosed(session, event, backoff);
    case "timer":
      return session.phase === "waiting" ? open(session.attempt, session.token) : stay(session);
    case "disconnect":
      return { next: { phase: "stopped" }, effects: [{ kind: "stopTimer" }, { kind: "close" }] };
    default:
      return assertNever(event, "session event");
  }
}

function stay(session: Session): SessionStep {
  return { next: session, effects: [] };
}

function open(attempt: number, token: SessionToken): SessionStep {
  return { next: { phase: "opening", attempt, token }, effects: [{ kind: "open", fresh: token !== "kept" }] };
}

function stop(error: KalamError): SessionStep {
  return { next: { phase: "stopped" }, effects: [{ kind: "close" }, { kind: "failAll", error }] };
}

/** A token may have expired or been voided unnoticed: another one is tried before giving up. */
function onRefused(session: Session, event: Extract<SessionEvent, { kind: "refused" }>): SessionStep {
  if (session.phase !== "opening" && session.phase !== "authenticating") return stay(session);
  if (event.isFinal || session.token === "last") return stop(event.error);
  const retry = open(session.attempt, "last");
  return { next: retry.next, effects: [{ kind: "close" }, ...retry.effects] };
}

function onClosed(
  session: Session,
  event: Extract<SessionEvent, { kind: "closed" }>,
  backoff: BackoffOptions,
): SessionStep {
  if (session.phase !== "opening" && session.phase !== "authenticating" && session.phase !== "open")
    return stay(session);
  if (event.next === "stop") return stop(event.error);
  const attempt = session.phase === "open" ? 0 : session.attempt;
  if (attempt >= backoff.maxAttempts) {
    return stop(new KalamError("RECONNECT_LIMIT", `gave up after ${attempt} attempts`, { cause: event.error }));
  }
  const asked = session.phase === "open" ? "kept" : session.token;
  const token = event.next === "reauthenticate" && asked === "kept" ? "fresh" : asked;
  return {
    next: { phase: "waiting", attempt: attempt + 1, token },
    effects: [{ kind: "startTimer", delayMs: backoffDelayMs(attempt, backoff, event.random) }],
  };
}
