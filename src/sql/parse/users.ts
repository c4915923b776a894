// CREATE, ALTER and DROP USER.
import { DbError } from "../../base/errors.ts";
import { parseUserId, type UserId } from "../../base/ids.ts";
import { parseRole, type Role } from "../../model/role.ts";
import { STORAGE_MODES } from "../../model/storage.ts";
import type { UserStorage } from "../../model/user.ts";
import type { Statement } from "../statement.ts";
import { takeStorageId } from "./storages.ts";
import type { Cursor } from "./tokens.ts";

const ROLE_ALIASES: ReadonlyMap<string, Role> = new Map([
  ["admin", "dba"],
  ["developer", "service"],
  ["analyst", "service"],
  ["viewer", "user"],
  ["readonly", "user"],
]);

/** A string, a quoted or a bare word; case is kept. */
export function takeUserId(cursor: Cursor): UserId {
  return parseUserId(cursor.expectText());
}

export function takeRole(cursor: Cursor): Role {
  const text = cursor.expectText();
  const role = ROLE_ALIASES.get(text.toLowerCase()) ?? parseRole(text);
  // Whoever has not signed in is anonymous; an account cannot be.
  if (role === "anonymous") throw new DbError("INVALID_INPUT", "Role 'anonymous' cannot be given to a user");
  return role;
}

type SignIn = Extract<Statement, { readonly kind: "createUser" }>["signIn"];

interface UserClauses {
  signIn?: SignIn;
  role?: Role;
  email?: string;
}

function takeSignIn(cursor: Cursor): SignIn | undefined {
  if (cursor.takeWords("PASSWORD") || cursor.takeWords("IDENTIFIED", "BY")) {
    return { kind: "password", password: cursor.expectString() };
  }
  if (cursor.takeWords("OAUTH")) return { kind: "oauth", ...parseIdentity(cursor.expectString()) };
  return cursor.takeWords("INTERNAL") ? { kind: "internal" } : undefined;
}

/** `{"provider":"https://issuer","subject":"the sub claim"}` */
function parseIdentity(text: string): { readonly issuer: string; readonly subject: string } {
  const { provider, subject } = jsonFields(text);
  if (typeof provider === "string" && typeof subject === "string" && provider !== "" && subject !== "") {
    return { issuer: provider, subject };
  }
  throw new DbError("INVALID_INPUT", 'OAUTH expects \'{"provider":"issuer URL","subject":"sub claim"}\'');
}

function jsonFields(text: string): { readonly provider?: unknown; readonly subject?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Reads one clause into `clauses`; false when none follows. */
function takeClause(cursor: Cursor, clauses: UserClauses): boolean {
  const signIn = clauses.signIn === undefined ? takeSignIn(cursor) : undefined;
  if (signIn !== undefined) {
    clauses.signIn = signIn;
  } else if (clauses.role === undefined && cursor.takeWords("ROLE")) {
    clauses.role = takeRole(cursor);
  } else if (clauses.email === undefined && cursor.takeWords("EMAIL")) {
    clauses.email = cursor.expectString();
  } else {
    return false;
  }
  return true;
}

/** `CREATE USER [IF NOT EXISTS] id [WITH] { PASSWORD 'p' | IDENTIFIED BY 'p' | OAUTH '{…}' | INTERNAL } [ROLE r] [EMAIL 'e']`, clauses in any order. */
export function parseCreateUser(cursor: Cursor): Statement {
  cursor.expectWords("CREATE", "USER");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const user = takeUserId(cursor);
  cursor.takeWords("WITH");
  const clauses: UserClauses = {};
  while (takeClause(cursor, clauses)) cursor.takeWords("WITH");
  cursor.expectEnd();
  const { signIn, role = "user", email } = clauses;
  if (signIn === undefined)
    throw new DbError("INVALID_SQL", "CREATE USER requires PASSWORD '…', OAUTH '{…}' or INTERNAL");
  return { kind: "createUser", ifNotExists, user, signIn, role, email };
}

/** `ALTER USER id SET { PASSWORD 'p' | ROLE r | EMAIL 'e' | STORAGE_ID { 's' | NULL } | STORAGE_MODE { TABLE | REGION } }` */
export function parseAlterUser(cursor: Cursor): Statement {
  cursor.expectWords("ALTER", "USER");
  const user = takeUserId(cursor);
  cursor.expectWords("SET");
  const storage = takeStorage(cursor);
  if (storage !== undefined) {
    cursor.expectEnd();
    return { kind: "alterUser", user, change: { kind: "storage", storage } };
  }
  const clauses: UserClauses = {};
  if (!takeClause(cursor, clauses)) throw cursor.unexpected();
  cursor.expectEnd();
  const { signIn, role, email } = clauses;
  if (signIn?.kind === "password") return { kind: "alterUser", user, change: signIn };
  if (signIn !== undefined) throw new DbError("INVALID_SQL", "ALTER USER SET expects PASSWORD, ROLE or EMAIL");
  if (role !== undefined) return { kind: "alterUser", user, change: { kind: "role", role } };
  return { kind: "alterUser", user, change: { kind: "email", email: email ?? "" } };
}

function takeStorage(cursor: Cursor): UserStorage | undefined {
  if (cursor.takeWords("STORAGE_ID")) {
    return { storageId: cursor.takeWords("NULL") ? undefined : takeStorageId(cursor) };
  }
  if (!cursor.takeWords("STORAGE_MODE")) return undefined;
  const text = cursor.expectText().toLowerCase();
  const storageMode = STORAGE_MODES.find((one) => one === text);
  if (storageMode === undefined) throw new DbError("INVALID_SQL", "STORAGE_MODE is TABLE or REGION");
  return { storageMode };
}

export function parseDropUser(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "USER");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const user = takeUserId(cursor);
  cursor.expectEnd();
  return { kind: "dropUser", ifExists, user };
}
