import { describe, expect, test } from "bun:test";
import { backoffDelayMs, DEFAULT_BACKOFF } from "../../src/link/backoff.ts";
import { KalamError } from "../../src/link/kalam-error.ts";
import { type Session, type SessionEvent, type SessionToken, sessionStep } from "../../src/link/session.ts";

const BACKOFF = { initialDelayMs: 100, maxDelayMs: 1000, maxAttempts: 3 };
const error = new KalamError("NETWORK_ERROR", "lost");
const closed = (next: "reconnect" | "reauthenticate" | "stop"): SessionEvent => ({
  kind: "closed",
  next,
  error,
  random: 0,
});
const refused = (isFinal: boolean): SessionEvent => ({ kind: "refused", error, isFinal, random: 0 });

const opening = (attempt = 0, token: SessionToken = "kept", refusals = 0): Session => ({
  phase: "opening",
  attempt,
  token,
  refusals,
});
const authenticating = (attempt = 0, token: SessionToken = "kept", refusals = 0): Session => ({
  phase: "authenticating",
  attempt,
  token,
  refusals,
});
const waiting = (attempt: number, token: SessionToken = "kept", refusals = 0): Session => ({
  phase: "waiting",
  attempt,
  token,
  refusals,
});
const OPEN: Session = { phase: "open" };
const STOPPED: Session = { phase: "stopped" };

const openEffect = (fresh: boolean) => ({ kind: "open", fresh });

describe("CL-01 the life of the socket", () => {
  test.each<[string, Session, SessionEvent, Session, readonly unknown[]]>([
    ["the first subscription opens it", { phase: "idle" }, { kind: "wanted" }, opening(), [openEffect(false)]],
    ["so does one after disconnect", STOPPED, { kind: "wanted" }, opening(), [openEffect(false)]],
    ["a second subscription opens no second one", opening(), { kind: "wanted" }, opening(), []],
    ["while waiting, patience", waiting(2), { kind: "wanted" }, waiting(2), []],
    ["once open it authenticates", opening(1), { kind: "opened" }, authenticating(1), [{ kind: "authenticate" }]],
    ["then every subscription is sent", authenticating(), { kind: "authenticated" }, OPEN, [{ kind: "subscribeAll" }]],
    ["a repeated auth_success changes nothing", OPEN, { kind: "authenticated" }, OPEN, []],
    [
      "a refused token is replaced at once",
      authenticating(0),
      refused(false),
      opening(0, "fresh", 1),
      [{ kind: "close" }, openEffect(true)],
    ],
    [
      "so is a fresh one: a second logout may have voided it on its way",
      authenticating(0, "fresh"),
      refused(false),
      opening(0, "fresh", 1),
      [{ kind: "close" }, openEffect(true)],
    ],
    [
      "and the one after it, though not at once",
      authenticating(0, "fresh", 1),
      refused(false),
      waiting(0, "fresh", 2),
      [{ kind: "close" }, { kind: "startTimer", delayMs: 100 }],
    ],
    [
      "later and later",
      authenticating(0, "fresh", 3),
      refused(false),
      waiting(0, "fresh", 4),
      [{ kind: "close" }, { kind: "startTimer", delayMs: 400 }],
    ],
    [
      "a fifth refusal in a row is final",
      authenticating(0, "fresh", 4),
      refused(false),
      STOPPED,
      [{ kind: "close" }, { kind: "failAll", error }],
    ],
    [
      "a refusal no token can change is final",
      authenticating(),
      refused(true),
      STOPPED,
      [{ kind: "close" }, { kind: "failAll", error }],
    ],
    [
      "a lost open socket waits, counting from one",
      OPEN,
      closed("reconnect"),
      waiting(1),
      [{ kind: "startTimer", delayMs: 100 }],
    ],
    ["each failure waits longer", opening(1), closed("reconnect"), waiting(2), [{ kind: "startTimer", delayMs: 200 }]],
    [
      "an expired token asks for a fresh one",
      OPEN,
      closed("reauthenticate"),
      waiting(1, "fresh"),
      [{ kind: "startTimer", delayMs: 100 }],
    ],
    [
      "a fresh token stays asked for until it worked",
      opening(1, "fresh"),
      closed("reconnect"),
      waiting(2, "fresh"),
      [{ kind: "startTimer", delayMs: 200 }],
    ],
    [
      "after a refusal too",
      opening(1, "fresh", 2),
      closed("reauthenticate"),
      waiting(2, "fresh", 2),
      [{ kind: "startTimer", delayMs: 200 }],
    ],
    ["killed: it stays away", OPEN, closed("stop"), STOPPED, [{ kind: "close" }, { kind: "failAll", error }]],
    ["the timer tries again", waiting(2, "fresh"), { kind: "timer" }, opening(2, "fresh"), [openEffect(true)]],
    ["a late timer does nothing", OPEN, { kind: "timer" }, OPEN, []],
    ["a late close after disconnect does nothing", STOPPED, closed("reconnect"), STOPPED, []],
    [
      "disconnect ends it from anywhere",
      waiting(2),
      { kind: "disconnect" },
      STOPPED,
      [{ kind: "stopTimer" }, { kind: "close" }],
    ],
  ])("%s", (_why, session, event, next, effects) => {
    expect(sessionStep(session, event, BACKOFF)).toEqual({ next, effects: effects as [] });
  });

  test("gives up after the attempts it was given, with the last reason as cause", () => {
    const { next, effects } = sessionStep(opening(3), closed("reconnect"), BACKOFF);
    expect(next).toEqual(STOPPED);
    expect(effects[1]).toMatchObject({ kind: "failAll", error: { code: "RECONNECT_LIMIT", cause: error } });
  });
});

test.each([
  ["first", 0, 0, 500],
  ["doubles", 3, 0, 4000],
  ["is capped", 20, 0, 30_000],
  ["stays capped for any attempt", 1e6, 0, 30_000],
  ["jitter takes half at most", 0, 1, 250],
])("CL-01 backoff: %s", (_why, attempt, random, expected) => {
  expect(backoffDelayMs(attempt, DEFAULT_BACKOFF, random)).toBe(expected);
});
