// SHOW in its forms, and DESCRIBE. What a system view holds is shown by a SELECT from it, with the rights that view asks for.
import { suggestion } from "../../base/closest.ts";
import type { Statement } from "../statement.ts";
import { takeShowApiKeys } from "./api-keys.ts";
import { takeTableRef } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import { takeInNamespace } from "./storage.ts";
import { unsupported } from "./syntax-error.ts";
import type { Cursor } from "./tokens.ts";

export function parseShow(cursor: Cursor, postgres: Postgres): Statement {
  cursor.expectWords("SHOW");
  const statement = takeShown(cursor, postgres);
  cursor.expectEnd();
  return statement;
}

/** Short names for `SELECT * FROM` a view. */
const SHOWN_VIEWS: ReadonlyMap<string, string> = new Map([
  ["USERS", "system.users"],
  ["JOBS", "system.jobs"],
  ["CONNECTIONS", "system.connections"],
  ["LIVE QUERIES", "system.live_queries"],
  ["SEGMENTS", "system.segments"],
  ["SETTINGS", "system.settings"],
  ["ALL", "system.settings"],
  ["STATS", "system.stats"],
]);
const KNOWN = [
  "NAMESPACES",
  "DATABASES",
  "SCHEMAS",
  "TABLES",
  "VIEWS",
  "COLUMNS",
  "INDEXES",
  "CREATE",
  "API KEYS",
  "STORAGES",
  "TABLE STATS",
  "EXPORT",
  ...SHOWN_VIEWS.keys(),
];

/** Of one word. */
function takeWhole(cursor: Cursor): Statement | undefined {
  if (cursor.takeWords("STORAGES")) return { kind: "showStorages" };
  if (cursor.takeWords("EXPORT")) return { kind: "showExport" };
  return undefined;
}

function takeShown(cursor: Cursor, postgres: Postgres): Statement {
  const whole = takeWhole(cursor);
  if (whole !== undefined) return whole;
  if (cursor.takeWords("NAMESPACES") || cursor.takeWords("DATABASES") || cursor.takeWords("SCHEMAS"))
    return { kind: "showNamespaces" };
  if (cursor.takeWords("API", "KEYS")) return takeShowApiKeys(cursor);
  if (cursor.takeWords("TABLE", "STATS") || cursor.takeWords("STATS", "FOR", "TABLE"))
    return { kind: "tableStats", table: takeTableRef(cursor) };
  if (cursor.takeWords("TABLES")) return { kind: "showTables", namespace: takeOfNamespace(cursor) };
  if (cursor.takeWords("VIEWS")) return { kind: "showViews", namespace: takeOfNamespace(cursor) };
  const part = takePart(cursor);
  if (part !== undefined) return part;
  if (cursor.takeWords("CREATE", "TABLE") || cursor.takeWords("CREATE", "VIEW"))
    return { kind: "showCreate", relation: takeTableRef(cursor) };
  for (const [words, view] of SHOWN_VIEWS) {
    if (!cursor.takeWords(...words.split(" "))) continue;
    return { kind: "select", node: postgres.parse({ text: `SELECT * FROM ${view}`, chainTokens: 0 }) };
  }
  const { kind, text, start } = cursor.peek();
  if (kind !== "word") throw cursor.unexpected();
  throw unsupported(`SHOW ${text.toUpperCase()}`, start, suggestion(text.toUpperCase(), KNOWN));
}

/** `{ IN [NAMESPACE] | FROM } ns`; FROM as MySQL has it. */
function takeOfNamespace(cursor: Cursor): ReturnType<typeof takeInNamespace> {
  return cursor.takeWords("FROM") ? cursor.expectName("Namespace name") : takeInNamespace(cursor);
}

/** Of one table. */
function takePart(cursor: Cursor): Statement | undefined {
  if (cursor.takeWords("COLUMNS")) return takeColumns(cursor);
  const isIndexes = cursor.takeWords("INDEXES") || cursor.takeWords("INDEX") || cursor.takeWords("KEYS");
  return isIndexes ? takeIndexes(cursor) : undefined;
}

/** `SHOW COLUMNS { FROM | IN } t`, as MySQL spells DESCRIBE. */
function takeColumns(cursor: Cursor): Statement {
  if (!cursor.takeWords("FROM")) cursor.expectWords("IN");
  return { kind: "describeTable", table: takeTableRef(cursor), history: false };
}

/** `SHOW { INDEXES | INDEX | KEYS } { FROM | IN } t`, as MySQL has it. */
function takeIndexes(cursor: Cursor): Statement {
  if (!cursor.takeWords("FROM")) cursor.expectWords("IN");
  return { kind: "showIndexes", relation: takeTableRef(cursor) };
}

/** `{DESC|DESCRIBE} [TABLE] t [HISTORY]`. A table called "table" needs the long form. */
export function parseDescribe(cursor: Cursor): Statement {
  cursor.take();
  cursor.takeWords("TABLE");
  const table = takeTableRef(cursor);
  const history = cursor.takeWords("HISTORY");
  cursor.expectEnd();
  return { kind: "describeTable", table, history };
}
