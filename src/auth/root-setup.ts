// Root before and at its first password: what a login is told while the server waits for setup, and what a configured password must be.
import { DbError } from "../base/errors.ts";
import type { User } from "../model/user.ts";
import { assertStrongPassword, type PasswordPolicy } from "./password.ts";
import type { RootPassword } from "./secrets.ts";
import { ROOT_USER } from "./user.ts";

export function awaitsSetup(user: User): boolean {
  return user.id === ROOT_USER && user.passwordHash === "";
}

/** A password for a root that has none: told apart from a wrong one only on this machine. */
export function assertSetupLogin(password: string, isLoopback: boolean): void {
  if (password === "") throw new DbError("SETUP_REQUIRED", "Server setup required: root has no password yet");
  if (!isLoopback) throw new DbError("REMOTE_ACCESS_DENIED", "Remote access is not allowed until the server is set up");
}

/** The policy is for passwords that people choose: a generated one is random, and a policy must not keep a server from starting. */
export function assertRootPassword({ value, source }: RootPassword, policy: PasswordPolicy): void {
  if (source === "generated" || value === "") return;
  try {
    assertStrongPassword(value, policy, "auth.root_password");
  } catch (cause) {
    throw new DbError("INVALID_CONFIG", cause instanceof DbError ? cause.message : "auth.root_password", { cause });
  }
}
