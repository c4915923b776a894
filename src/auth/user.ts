// A user as identity needs it, and the seam to whatever keeps users. The store's record has this shape.
import type { UserId } from "../base/ids.ts";
import type { Role } from "../model/role.ts";

export interface User {
  readonly id: UserId;
  /** argon2id, PHC text. Empty: the user cannot log in with a password. */
  readonly passwordHash: string;
  readonly role: Role;
  readonly email: string | undefined;
  readonly failedLogins: number;
  readonly lockedUntilMs: number | undefined;
  readonly lastLoginAtMs: number | undefined;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Soft delete: the record stays, so that the id is never given to someone else while rows of its owner exist. */
  readonly deletedAtMs: number | undefined;
  /** Tokens issued before this moment are void. */
  readonly tokensValidFromMs: number;
}

export interface UserStore {
  /** Committed record, deleted ones included. */
  user(id: UserId): User | undefined;
  users(): readonly User[];
  /** Inserts or replaces; resolves once durable and visible to `user`. */
  put(user: User): Promise<void>;
}

export const ROOT_USER = "root";
