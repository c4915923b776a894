// The seam to whatever keeps users.
import type { UserId } from "../base/ids.ts";
import type { User } from "../model/user.ts";

export interface UserStore {
  /** Committed record, deleted ones included. */
  user(id: UserId): User | undefined;
  users(): readonly User[];
  /** Inserts or replaces; resolves once durable and visible to `user`. */
  put(user: User): Promise<void>;
}

export const ROOT_USER = "root";
