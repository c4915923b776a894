import { parseUserId } from "../../src/base/ids.ts";
import type { User } from "../../src/model/user.ts";

export function userRecord(id: string, overrides: Partial<User> = {}): User {
  return {
    id: parseUserId(id),
    passwordHash: "",
    oauth: undefined,
    role: "user",
    email: undefined,
    failedLogins: 0,
    lockedUntilMs: undefined,
    lastLoginAtMs: undefined,
    createdAtMs: 1,
    updatedAtMs: 1,
    deletedAtMs: undefined,
    tokensValidFromMs: 0,
    sessions: [],
    ...overrides,
  };
}
