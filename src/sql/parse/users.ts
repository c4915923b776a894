// CREATE, ALTER and DROP USER.
import { DbError } from "../../base/errors.ts";
import { parseUserId, type UserId } from "../../base/ids.ts";
import { parseRole, type Role } from "../../model/role.ts";
import type { Statement } from "../statement.ts";
import { unsupported } from "./syntax-error.ts";
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

function takeRole(cursor: Cursor): Role {
  const text = cursor.expectText();
  const role = ROLE_ALIASES.get(text.toLowerCase()) ?? parseRole(text);
  // Whoever has not signed in is anonymous; an account cannot be.
  if (role === "anonymous") throw new DbError("INVALID_INPUT", "Role 'anonymous' cannot be given to a user");
  return role;
}

interface UserClauses {
  password?: string;
  role?: Role;
  email?: string;
}

/** Reads one clause into `clauses`; false when none follows. */
function takeClause(cursor: Cursor, clauses: UserClauses): boolean {
  const start = cursor.peek();
  if (cursor.isWord("OAUTH") || cursor.isWord("INTERNAL")) {
    throw unsupported(`CREATE USER … WITH ${start.text.toUpperCase()}`, start.start);
  }
  if (clauses.password === undefined && (cursor.takeWords("PASSWORD") || cursor.takeWords("IDENTIFIED", "BY"))) {
    clauses.password = cursor.expectString();
  } else if (clauses.role === undefined && cursor.takeWords("ROLE")) {
    clauses.role = takeRole(cursor);
  } else if (clauses.email === undefined && cursor.takeWords("EMAIL")) {
    clauses.email = cursor.expectString();
  } else {
    return false;
  }
  return true;
}

/** `CREATE USER [IF NOT EXISTS] id [WITH] { PASSWORD 'p' | IDENTIFIED BY 'p' } [ROLE r] [EMAIL 'e']`, clauses in any order. */
export function parseCreateUser(cursor: Cursor): Statement {
  cursor.expectWords("CREATE", "USER");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const user = takeUserId(cursor);
  cursor.takeWords("WITH");
  const clauses: UserClauses = {};
  while (takeClause(cursor, clauses)) cursor.takeWords("WITH");
  cursor.expectEnd();
  if (clauses.password === undefined) throw new DbError("INVALID_SQL", "CREATE USER requires PASSWORD '…'");
  const { password, role = "user", email } = clauses;
  return { kind: "createUser", ifNotExists, user, password, role, email };
}

/** `ALTER USER id SET { PASSWORD 'p' | ROLE r | EMAIL 'e' }` */
export function parseAlterUser(cursor: Cursor): Statement {
  cursor.expectWords("ALTER", "USER");
  const user = takeUserId(cursor);
  cursor.expectWords("SET");
  const clauses: UserClauses = {};
  if (!takeClause(cursor, clauses)) throw cursor.unexpected();
  cursor.expectEnd();
  const { password, role, email } = clauses;
  if (password !== undefined) return { kind: "alterUser", user, change: { kind: "password", password } };
  if (role !== undefined) return { kind: "alterUser", user, change: { kind: "role", role } };
  return { kind: "alterUser", user, change: { kind: "email", email: email ?? "" } };
}

export function parseDropUser(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "USER");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const user = takeUserId(cursor);
  cursor.expectEnd();
  return { kind: "dropUser", ifExists, user };
}
