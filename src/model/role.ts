// Roles, from least to most, and what follows from them alone. Decisions that need a table or a user live in `auth`.
import { DbError } from "../base/errors.ts";

export const ROLES = ["anonymous", "user", "service", "dba", "system"] as const;
export type Role = (typeof ROLES)[number];

export const ACCESS_LEVELS = ["public", "private", "restricted", "dba"] as const;
/** Who may read a SHARED table; see sql.md's role matrix. */
export type AccessLevel = (typeof ACCESS_LEVELS)[number];

export function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text.toLowerCase());
  if (role === undefined) throw new DbError("INVALID_INPUT", `Role '${text}' is not one of ${ROLES.join(", ")}`);
  return role;
}

export function atLeast(role: Role, minimum: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(minimum);
}

export function isAdmin(role: Role): boolean {
  return role === "dba" || role === "system";
}
