// Refresh rotation: each login opens a session, each refresh moves it on by a generation, and a token of a generation left behind is a stolen one.
// Pure; whoever calls stores the sessions with the user's record.
import type { RefreshSession } from "../model/user.ts";

/** One user's logins at once whose refresh still works; the one unused for longest makes room. */
export const MAX_SESSIONS_PER_USER = 50;
/** A client whose answer was lost, or whose tabs refresh at once, shows the last token again; a thief is rarely that quick. */
export const REPEAT_WINDOW_MS = 30_000;

/** What a refresh token says of its session. */
export interface RefreshClaim {
  readonly session: string;
  readonly generation: number;
}

export function newSession(nowMs: number, expiresAtMs: number): RefreshSession {
  return { id: crypto.randomUUID(), generation: 0, rotatedAtMs: nowMs, expiresAtMs };
}

export function withSession(
  sessions: readonly RefreshSession[],
  session: RefreshSession,
  nowMs: number,
): readonly RefreshSession[] {
  const others = sessions.filter(({ id, expiresAtMs }) => id !== session.id && expiresAtMs > nowMs);
  others.sort((a, b) => a.rotatedAtMs - b.rotatedAtMs);
  return [...others.slice(-(MAX_SESSIONS_PER_USER - 1)), session];
}

/** `rotate`: the next token is of the next generation. `repeat`: of the present one, again. `reuse`: somebody else has the session. */
export type RefreshVerdict =
  | { readonly kind: "rotate" | "repeat"; readonly session: RefreshSession }
  | { readonly kind: "reuse" | "unknown" };

export function judgeRefresh(
  sessions: readonly RefreshSession[],
  { session: id, generation }: RefreshClaim,
  nowMs: number,
): RefreshVerdict {
  const session = sessions.find((candidate) => candidate.id === id);
  if (session === undefined) return { kind: "unknown" };
  if (generation === session.generation) return { kind: "rotate", session };
  const isLast = generation === session.generation - 1;
  // Not while the clock stands before the rotation: then nothing is known of how long ago it was.
  const ageMs = nowMs - session.rotatedAtMs;
  return isLast && ageMs >= 0 && ageMs <= REPEAT_WINDOW_MS ? { kind: "repeat", session } : { kind: "reuse" };
}
