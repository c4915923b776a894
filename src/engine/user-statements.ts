// Statements about users, in both spellings: CREATE, ALTER and DROP USER, and rows of system.users.
import { assertNever, DbError } from "../base/errors.ts";
import { parseUserId, type UserId } from "../base/ids.ts";
import { parseRole, type Role } from "../model/role.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement, UserField, UserValue } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult } from "./outcome.ts";
import type { Caller } from "./session.ts";
import { assertStorage } from "./storages.ts";

export type UserStatement = Extract<
  Statement,
  { readonly kind: "createUser" | "alterUser" | "dropUser" | "insertUser" | "updateUser" | "deleteUser" }
>;

const KINDS: Record<UserStatement["kind"], true> = {
  createUser: true,
  alterUser: true,
  dropUser: true,
  insertUser: true,
  updateUser: true,
  deleteUser: true,
};

export function isUserStatement(statement: Statement): statement is UserStatement {
  return Object.hasOwn(KINDS, statement.kind);
}

type Accounts = EngineDeps["accounts"];

export async function runUserStatement(
  statement: UserStatement,
  call: Caller,
  { accounts, catalog }: Pick<EngineDeps, "accounts" | "catalog">,
): Promise<StatementResult> {
  const { role } = call.session;
  switch (statement.kind) {
    case "createUser": {
      const created = await accounts.createUser(role, statement, statement.ifNotExists);
      const what = created ? "created successfully" : "already exists";
      return messageResult(call.session, `User '${statement.user}' ${what}`);
    }
    case "alterUser":
      if (statement.change.kind === "storage") assertStorage(statement.change.storage.storageId, catalog);
      await accounts.alterUser(role, statement.user, statement.change);
      return messageResult(call.session, `User '${statement.user}' altered successfully`);
    case "dropUser": {
      const dropped = await accounts.dropUser(role, statement.user, statement.ifExists);
      const what = dropped ? "dropped successfully" : "does not exist (skipped)";
      return messageResult(call.session, `User '${statement.user}' ${what}`);
    }
    case "insertUser":
      await insertUser(role, fieldsOf(statement.fields, call), accounts);
      return { ...messageResult(call.session, "Inserted 1 row(s)"), rowCount: 1 };
    case "updateUser": {
      const changed = await updateUser(
        role,
        { id: userOf(statement.user, call), fields: fieldsOf(statement.fields, call) },
        accounts,
      );
      return { ...messageResult(call.session, `Updated ${changed} row(s)`), rowCount: changed };
    }
    case "deleteUser": {
      const deleted = (await accounts.dropUser(role, userOf(statement.user, call), true)) ? 1 : 0;
      return { ...messageResult(call.session, `Deleted ${deleted} row(s)`), rowCount: deleted };
    }
    default:
      return assertNever(statement, "user statement");
  }
}

type Fields = ReadonlyMap<UserField, string | null>;

function fieldsOf(fields: readonly { readonly name: UserField; readonly value: UserValue }[], call: Caller): Fields {
  const values = new Map<UserField, string | null>();
  for (const { name, value } of fields) {
    if (values.has(name)) throw new DbError("INVALID_SQL", `column "${name}" specified more than once`);
    values.set(name, textOf(value, call));
  }
  return values;
}

function textOf(value: UserValue, { params }: Caller): string | null {
  if (value.kind === "text") return value.text;
  const cell = params[value.index];
  if (cell === undefined) throw new DbError("INVALID_PARAMETER", `there is no parameter $${value.index + 1}`);
  if (cell === null || typeof cell === "string") return cell;
  throw new DbError("INVALID_PARAMETER", `parameter $${value.index + 1} must be a text`);
}

function userOf(value: UserValue, call: Caller): UserId {
  return parseUserId(textOf(value, call) ?? "");
}

async function insertUser(actor: Role, fields: Fields, accounts: Accounts): Promise<void> {
  const password = fields.get("password") ?? undefined;
  if ((fields.get("deleted_at") ?? null) !== null)
    throw new DbError("INVALID_INPUT", "A user cannot be inserted as deleted");
  if ((fields.get("locked_until") ?? null) !== null)
    throw new DbError("INVALID_INPUT", "A user cannot be inserted as locked");
  await accounts.createUser(actor, {
    user: parseUserId(fields.get("user_id") ?? ""),
    signIn: password === undefined ? { kind: "internal" } : { kind: "password", password },
    role: parseRole(fields.get("role") ?? "user"),
    email: fields.get("email") ?? undefined,
  });
}

/** What is checked most is changed last: each field is a change of its own, and a refused one leaves the others as they were. */
async function updateUser(
  actor: Role,
  { id, fields }: { readonly id: UserId; readonly fields: Fields },
  accounts: Accounts,
): Promise<number> {
  if (fields.has("user_id")) throw new DbError("INVALID_INPUT", "The id of a user cannot be changed");
  if (fields.size !== 1) {
    throw new DbError("UNSUPPORTED", "UPDATE of system.users sets one column at a time", {
      hint: "Each is a change of the account of its own; send several statements.",
    });
  }
  const [[name, value] = []] = fields;
  switch (name) {
    case "deleted_at":
      if (value !== null)
        throw new DbError("INVALID_INPUT", "deleted_at can only be set to NULL, which restores the user", {
          hint: "DELETE removes one.",
        });
      return (await accounts.restoreUser(actor, id)) ? 1 : 0;
    case "locked_until":
      if (value !== null)
        throw new DbError("INVALID_INPUT", "locked_until can only be set to NULL, which ends the lock");
      await accounts.alterUser(actor, id, { kind: "unlock" });
      return 1;
    case "password":
      await accounts.alterUser(actor, id, { kind: "password", password: value ?? "" });
      return 1;
    case "role":
      await accounts.alterUser(actor, id, { kind: "role", role: parseRole(value ?? "") });
      return 1;
    case "email":
      await accounts.alterUser(actor, id, { kind: "email", email: value ?? "" });
      return 1;
    default:
      throw new DbError("INVALID_SQL", "UPDATE of system.users sets no column");
  }
}
