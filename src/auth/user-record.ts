// A user's record: what a new one holds, what its fields may be, and how its absence or presence is said.
import { DbError } from "../base/errors.ts";
import { parseUserId, type UserId } from "../base/ids.ts";
import type { User } from "../model/user.ts";
import { NO_FAILURES } from "./lockout.ts";
import { ROOT_USER } from "./user.ts";

const MAX_EMAIL_LENGTH = 254;

export function userIdOrNothing(name: string): UserId | undefined {
  try {
    return parseUserId(name);
  } catch (error) {
    if (error instanceof DbError) return undefined;
    throw error;
  }
}

export function newRecord(user: Pick<User, "id" | "passwordHash" | "oauth" | "role" | "email">, nowMs: number): User {
  return {
    ...user,
    ...NO_FAILURES,
    lastLoginAtMs: undefined,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    deletedAtMs: undefined,
    tokensValidFromMs: nowMs,
    sessions: [],
  };
}

/** How a user signs in is fixed when the account is made: a password would be a second way in, past the issuer or where there is to be none. */
export function assertHasPassword({ id, passwordHash, oauth }: User): void {
  if (passwordHash !== "" || id === ROOT_USER) return;
  const how = oauth === undefined ? "was made WITH INTERNAL" : "signs in with tokens of an issuer";
  throw new DbError("INVALID_INPUT", `User '${id}' ${how} and has no password`);
}

/** Empty clears it. */
export function parseEmail(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (text.length <= MAX_EMAIL_LENGTH && /^[^\s@]+@[^\s@]+$/.test(text)) return text;
  throw new DbError("INVALID_INPUT", `Email ${JSON.stringify(text)} is not valid`);
}

export function alreadyExists(id: UserId, isDropped = false): DbError {
  const why = isDropped ? "was dropped and its rows are kept, so its id cannot be used again" : "already exists";
  return new DbError("ALREADY_EXISTS", `User '${id}' ${why}`);
}

export function notFound(id: UserId): DbError {
  return new DbError("NOT_FOUND", `User '${id}' does not exist`);
}
