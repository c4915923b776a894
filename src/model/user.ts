// A user as identity needs it and as the store keeps it.
import type { UserId } from "../base/ids.ts";
import type { Role } from "./role.ts";
import type { StorageMode } from "./storage.ts";

export interface OauthIdentity {
  /** The `iss` claim, as configured. */
  readonly issuer: string;
  /** The `sub` claim. */
  readonly subject: string;
}

/** One login, as far as its refresh tokens go. */
export interface RefreshSession {
  readonly id: string;
  /** Of the newest refresh token. */
  readonly generation: number;
  readonly rotatedAtMs: number;
  /** Of the newest refresh token. */
  readonly expiresAtMs: number;
}

export interface User {
  readonly id: UserId;
  /** argon2id, PHC text. Empty: the user cannot log in with a password. */
  readonly passwordHash: string;
  /** Who signs in through another issuer's tokens; undefined: nobody does. */
  readonly oauth: OauthIdentity | undefined;
  readonly role: Role;
  readonly email: string | undefined;
  readonly failedLogins: number;
  readonly lockedUntilMs: number | undefined;
  readonly lastLoginAtMs: number | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Soft delete: the record stays, so that the id is never given to someone else while rows of its owner exist. */
  readonly deletedAtMs: number | undefined;
  /** Tokens issued before this moment are void: set by logout, password and role changes. */
  readonly tokensValidFromMs: number;
  /** Void with the tokens. */
  readonly sessions: readonly RefreshSession[];
  /** Where the user's rows go in tables WITH (USE_USER_STORAGE = TRUE), when `storageMode` is "region". Absent: with the table's. */
  readonly storageId?: string | undefined;
  readonly storageMode?: StorageMode | undefined;
}

export type UserStorage = Pick<User, "storageId" | "storageMode">;
