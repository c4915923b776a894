// Branded identifiers. A brand is given only by the parser beside it, so code downstream may trust (and print) the text.
import { DbError } from "./errors.ts";

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A namespace, table or column name: lower case, `[a-z][a-z0-9_]{0,63}`. */
export type Name = Brand<string, "Name">;
/** Case-sensitive, non-empty, without path characters. Owner of USER rows. */
export type UserId = Brand<string, "UserId">;
/** Catalog number of a table. Never reused. */
export type TableId = Brand<number, "TableId">;
/** Commit position and row version (64-bit snowflake). Strictly increasing for the life of a data directory. */
export type Seq = Brand<bigint, "Seq">;
/** One WebSocket connection, unique for the life of the process. */
export type ConnectionId = Brand<string, "ConnectionId">;
/** The rows a statement may touch in one table: a user id for USER tables, `SHARED_SCOPE` for SHARED ones. */
export type Scope = Brand<string, "Scope">;

/** The one scope of a SHARED table. No user id is empty, so it never collides. */
export const SHARED_SCOPE = "" as Scope;

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const MAX_NAME_LENGTH = 64;

/** Folds to lower case and checks. `what` names the thing in the error: "Table name", "Column name". */
export function parseName(text: string, what = "Name"): Name {
  const folded = text.toLowerCase();
  if (NAME.test(folded)) return folded as Name;
  throw new DbError("INVALID_NAME", `${what} ${JSON.stringify(text)} ${nameFault(folded)}`);
}

function nameFault(text: string): string {
  if (text === "") return "cannot be empty";
  if (text.length > MAX_NAME_LENGTH) return `is too long (${text.length} characters, max ${MAX_NAME_LENGTH})`;
  if (text.startsWith("_")) return "cannot start with underscore (reserved for system columns)";
  if (/^[0-9]/.test(text)) return "cannot start with a number";
  if (text.includes(" ")) return "cannot contain spaces";
  return "contains invalid characters (only alphanumeric and underscore allowed)";
}

const MAX_USER_ID_BYTES = 128;
// oxlint's no-control-regex guards against typing slips; here the control characters are the point.
const UNSAFE_IN_PATH = new RegExp(String.raw`[/\\\u0000-\u001f\u007f]`);

export function parseUserId(text: string): UserId {
  const bad =
    text === "" ||
    Buffer.byteLength(text) > MAX_USER_ID_BYTES ||
    text.includes("..") ||
    // Control characters and path separators: a user id becomes a folder name in cold storage.
    UNSAFE_IN_PATH.test(text);
  if (bad) throw new DbError("INVALID_NAME", `User id ${JSON.stringify(text)} is not valid`);
  return text as UserId;
}

export function scopeOfUser(user: UserId): Scope {
  return user as string as Scope;
}

export function seqOf(value: bigint): Seq {
  return value as Seq;
}

export function tableIdOf(value: number): TableId {
  return value as TableId;
}

export function newConnectionId(): ConnectionId {
  return Bun.randomUUIDv7().replaceAll("-", "") as ConnectionId;
}
