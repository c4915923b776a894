// CREATE API KEY, DROP API KEY and SHOW API KEYS.
import { DbError } from "../../base/errors.ts";
import type { UserId } from "../../base/ids.ts";
import type { Role } from "../../model/role.ts";
import { parseTimestamp } from "../../model/temporal.ts";
import type { Statement } from "../statement.ts";
import type { Cursor } from "./tokens.ts";
import { takeRole, takeUserId } from "./users.ts";

type Expiry = Extract<Statement, { readonly kind: "createApiKey" }>["expires"];

const MS_BY_UNIT: ReadonlyMap<string, number> = new Map([
  ["MINUTE", 60_000],
  ["HOUR", 3_600_000],
  ["DAY", 86_400_000],
]);
/** A hundred years of days. */
const MAX_UNITS = 36_500;

/** `CREATE API KEY name [FOR user] [ROLE role] [EXPIRES { IN n MINUTES|HOURS|DAYS | AT 'timestamp' }]` */
export function parseCreateApiKey(cursor: Cursor): Statement {
  cursor.expectWords("CREATE", "API", "KEY");
  const name = cursor.expectText();
  const user = takeOwner(cursor);
  const role: Role | undefined = cursor.takeWords("ROLE") ? takeRole(cursor) : undefined;
  const expires = cursor.takeWords("EXPIRES") ? takeExpiry(cursor) : undefined;
  cursor.expectEnd();
  return { kind: "createApiKey", name, user, role, expires };
}

/** `DROP API KEY [IF EXISTS] name [FOR user]` */
export function parseDropApiKey(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "API", "KEY");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const name = cursor.expectText();
  const user = takeOwner(cursor);
  cursor.expectEnd();
  return { kind: "dropApiKey", ifExists, name, user };
}

/** `SHOW API KEYS [FOR user]`, from behind the last word that tells it apart. */
export function takeShowApiKeys(cursor: Cursor): Statement {
  return { kind: "showApiKeys", user: takeOwner(cursor) };
}

function takeOwner(cursor: Cursor): UserId | undefined {
  return cursor.takeWords("FOR") ? takeUserId(cursor) : undefined;
}

function takeExpiry(cursor: Cursor): Expiry {
  if (cursor.takeWords("AT")) {
    return { kind: "at", us: parseTimestamp(cursor.expectString()) };
  }
  cursor.expectWords("IN");
  const { kind, text } = cursor.take();
  const count = kind === "number" && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MAX_UNITS) {
    throw new DbError("INVALID_INPUT", `EXPIRES IN expects a whole number from 1 to ${MAX_UNITS}`);
  }
  const unit = cursor.peek().text.toUpperCase().replace(/S$/, "");
  const unitMs = MS_BY_UNIT.get(unit);
  if (unitMs === undefined) throw cursor.unexpected();
  cursor.take();
  return { kind: "in", ms: count * unitMs };
}
