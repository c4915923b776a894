// Catalog records read from their SQLite rows, all at once when the file is opened. `catalog-writer.ts` writes them.

import type { Database } from "bun:sqlite";
import { DbError } from "../../base/errors.ts";
import { parseName, parseUserId, type Scope, SHARED_SCOPE, scopeOfUser, seqOf, tableIdOf } from "../../base/ids.ts";
import type { ApiKey } from "../../model/api-key.ts";
import { JOB_STATUSES, JOB_TYPES, type JobRecord } from "../../model/job.ts";
import { ROLES } from "../../model/role.ts";
import { qualifiedName } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import { STORAGE_MODES } from "../../model/storage.ts";
import type { RefreshSession, User } from "../../model/user.ts";
import type { NamespaceOptions, Segment } from "../seams.ts";
import { API_KEY_COLUMNS, JOB_COLUMNS, SEGMENT_COLUMNS, USER_COLUMNS } from "./catalog-ddl.ts";
import type { CatalogChange } from "./catalog-state.ts";
import { decodeStorage } from "./storage-definition.ts";
import {
  damaged,
  type Fields,
  toCount,
  toFields,
  toOneOf,
  toOptional,
  toReal,
  toText,
  toWide,
} from "./stored-fields.ts";
import { decodeTable, parseJson } from "./table-definition.ts";
import { decodeView } from "./view-definition.ts";

/** Everything the catalog tables hold, as changes to an empty state. Throws STORAGE_ERROR at the first row that makes no sense. */
export function readCatalog(db: Database): CatalogChange[] {
  try {
    return readAll(db);
  } catch (error) {
    // A stored name that the parsers refuse is damage too, not somebody's bad input.
    if (!(error instanceof DbError) || error.code === "STORAGE_ERROR") throw error;
    throw new DbError("STORAGE_ERROR", `The catalog is damaged: ${error.message}`, { cause: error });
  }
}

function readAll(db: Database): CatalogChange[] {
  const rows = (sql: string): Fields[] => {
    using statement = db.prepare<Fields, []>(sql).safeIntegers(true);
    return statement.all();
  };
  return [
    ...rows("SELECT name, created_at_ms, options FROM namespaces ORDER BY name").map(toNamespaceChange),
    ...toTableChanges(
      rows(
        `SELECT t.id, t.namespace, t.name, t.version, v.definition FROM tables t
         LEFT JOIN table_versions v ON v.table_id = t.id AND v.version <= t.version ORDER BY t.id, v.version`,
      ),
    ),
    ...rows("SELECT definition FROM views ORDER BY namespace, name").map(toViewChange),
    ...rows("SELECT id, definition FROM storages ORDER BY id").map(toStorageChange),
    ...rows(`SELECT ${USER_COLUMNS.join(", ")} FROM users ORDER BY created_at_ms, id`).map(toUserChange),
    ...rows(`SELECT ${API_KEY_COLUMNS.join(", ")} FROM api_keys ORDER BY created_at_ms, id`).map(toApiKeyChange),
    ...rows(`SELECT ${JOB_COLUMNS.join(", ")} FROM jobs ORDER BY created_at_ms, rowid`).map(toJobChange),
    // A dropped table's are left over until they are removed.
    ...rows(
      `SELECT id, ${SEGMENT_COLUMNS.join(", ")} FROM segments WHERE table_id IN (SELECT id FROM tables) ORDER BY id`,
    ).map(toSegmentChange),
    ...rows(
      "SELECT table_id, scope, starts_at FROM history_starts WHERE table_id IN (SELECT id FROM tables) ORDER BY table_id, scope",
    ).map(toHistoryStartChange),
  ];
}

function toNamespaceChange(row: Fields): CatalogChange {
  const name = parseName(toText(row["name"], "a namespace's name"));
  const options = toOptional(row["options"], toNamespaceOptions, `namespace ${name}, options`);
  const createdAtMs = toCount(row["created_at_ms"], `namespace ${name}, created_at_ms`);
  const record = { name, createdAtMs, ...(options === undefined ? {} : { options }) };
  return { kind: "namespace", name, record, version: 1 };
}

function toNamespaceOptions(value: unknown, what: string): NamespaceOptions {
  const options: Record<string, string | number | boolean> = {};
  for (const [key, option] of Object.entries(toFields(parseJson(toText(value, what)), what))) {
    if (typeof option !== "string" && typeof option !== "number" && typeof option !== "boolean") {
      throw damaged(`${what}, ${key}`, option);
    }
    options[key] = option;
  }
  return options;
}

/** One row for each version, oldest first. */
function toTableChanges(rows: readonly Fields[]): CatalogChange[] {
  return [...Map.groupBy(rows, (row) => row["id"]).values()].map(toTableChange);
}

function toTableChange(rows: readonly Fields[]): CatalogChange {
  const row = rows.at(-1) ?? {};
  const what = `table ${String(row["id"])}`;
  const versions = rows.map(({ definition }) => decodeTable(toText(definition, `${what}, definition`)));
  const record = versions.at(-1);
  const agrees =
    record?.version === toCount(row["version"], what) &&
    record.namespace === row["namespace"] &&
    record.name === row["name"] &&
    versions.every(({ id }) => id === toCount(row["id"], what));
  if (!agrees) throw damaged(`${what}, definition`, record === undefined ? record : qualifiedName(record));
  return { kind: "table", id: record.id, record, versions, version: 1 };
}

function toViewChange(row: Fields): CatalogChange {
  const record = decodeView(toText(row["definition"], "a view, definition"));
  return { kind: "view", name: qualifiedName(record), record, version: 1 };
}

function toStorageChange(row: Fields): CatalogChange {
  const id = toText(row["id"], "a storage's id");
  return { kind: "storage", id, record: decodeStorage(id, toText(row["definition"], `storage ${id}`)) };
}

function toUserChange(row: Fields): CatalogChange {
  const id = parseUserId(toText(row["id"], "a user's id"));
  const count = (column: string): number => toCount(row[column], `user ${id}, ${column}`);
  const optionalCount = (column: string): number | undefined =>
    toOptional(row[column], toCount, `user ${id}, ${column}`);
  const issuer = toOptional(row["oauth_issuer"], toText, `user ${id}, oauth_issuer`);
  const subject = toOptional(row["oauth_subject"], toText, `user ${id}, oauth_subject`);
  const record: User = {
    id,
    oauth: issuer === undefined || subject === undefined ? undefined : { issuer, subject },
    passwordHash: toText(row["password_hash"], `user ${id}, password_hash`),
    role: toOneOf(row["role"], ROLES, `user ${id}, role`),
    email: toOptional(row["email"], toText, `user ${id}, email`),
    failedLogins: count("failed_logins"),
    lockedUntilMs: optionalCount("locked_until_ms"),
    lastLoginAtMs: optionalCount("last_login_at_ms"),
    createdAtMs: count("created_at_ms"),
    updatedAtMs: count("updated_at_ms"),
    deletedAtMs: optionalCount("deleted_at_ms"),
    tokensValidFromMs: count("tokens_valid_from_ms"),
    sessions: toSessions(row["sessions"], `user ${id}, sessions`),
    storageId: toOptional(row["storage_id"], toText, `user ${id}, storage_id`),
    storageMode: toOneOf(row["storage_mode"], STORAGE_MODES, `user ${id}, storage_mode`),
  };
  return { kind: "user", id, record };
}

function toSessions(value: unknown, what: string): readonly RefreshSession[] {
  const sessions: unknown = JSON.parse(toText(value, what));
  if (Array.isArray(sessions) && sessions.every(isSession)) return sessions;
  throw damaged(what, value);
}

function isSession(value: unknown): value is RefreshSession {
  if (typeof value !== "object" || value === null) return false;
  const fields: Fields = { ...value };
  const counts = [fields["generation"], fields["rotatedAtMs"], fields["expiresAtMs"]];
  return typeof fields["id"] === "string" && counts.every((count) => Number.isSafeInteger(count));
}

function toApiKeyChange(row: Fields): CatalogChange {
  const id = toText(row["id"], "an API key's id");
  const what = (column: string): string => `API key ${id}, ${column}`;
  const record: ApiKey = {
    id,
    name: toText(row["name"], what("name")),
    user: parseUserId(toText(row["user_id"], what("user_id"))),
    role: toOneOf(row["role"], ROLES, what("role")),
    secretHash: toText(row["secret_hash"], what("secret_hash")),
    createdBy: parseUserId(toText(row["created_by"], what("created_by"))),
    createdAtMs: toCount(row["created_at_ms"], what("created_at_ms")),
    expiresAtMs: toOptional(row["expires_at_ms"], toCount, what("expires_at_ms")),
    lastUsedAtMs: toOptional(row["last_used_at_ms"], toCount, what("last_used_at_ms")),
  };
  return { kind: "apiKey", id, record };
}

function toJobChange(row: Fields): CatalogChange {
  const id = toText(row["id"], "a job's id");
  const count = (column: string): number => toCount(row[column], `job ${id}, ${column}`);
  const optionalText = (column: string): string | undefined => toOptional(row[column], toText, `job ${id}, ${column}`);
  const optionalCount = (column: string): number | undefined =>
    toOptional(row[column], toCount, `job ${id}, ${column}`);
  const record: JobRecord = {
    id,
    type: toOneOf(row["type"], JOB_TYPES, `job ${id}, type`),
    status: toOneOf(row["status"], JOB_STATUSES, `job ${id}, status`),
    parameters: toText(row["parameters"], `job ${id}, parameters`),
    result: optionalText("result"),
    message: optionalText("message"),
    trace: optionalText("trace"),
    progress: toOptional(row["progress"], toReal, `job ${id}, progress`),
    key: optionalText("idempotency_key"),
    priority: count("priority"),
    retries: count("retries"),
    maxRetries: count("max_retries"),
    createdAtMs: count("created_at_ms"),
    updatedAtMs: count("updated_at_ms"),
    startedAtMs: optionalCount("started_at_ms"),
    finishedAtMs: optionalCount("finished_at_ms"),
    memoryUsed: optionalCount("memory_used"),
    cpuUsed: optionalCount("cpu_used"),
  };
  return { kind: "job", id, record };
}

function toSegmentChange(row: Fields): CatalogChange {
  const what = `segment ${String(row["id"])}`;
  const count = (column: string): number => toCount(row[column], `${what}, ${column}`);
  const segment: Segment = {
    id: count("id"),
    tableId: tableIdOf(count("table_id")),
    scope: toScope(toText(row["scope"], `${what}, scope`)),
    path: toText(row["path"], `${what}, path`),
    schemaVersion: count("schema_version"),
    rows: count("rows"),
    tombstones: toOptional(row["tombstones"], toCount, `${what}, tombstones`),
    bytes: count("bytes"),
    minSeq: seqOf(toWide(row["min_seq"], `${what}, min_seq`)),
    maxSeq: seqOf(toWide(row["max_seq"], `${what}, max_seq`)),
    minKey: toKey(row["min_key"], `${what}, min_key`),
    maxKey: toKey(row["max_key"], `${what}, max_key`),
    createdAtMs: count("created_at_ms"),
  };
  return { kind: "segmentAdded", segment };
}

function toHistoryStartChange(row: Fields): CatalogChange {
  const what = `history start ${String(row["table_id"])} ${String(row["scope"])}`;
  const start = {
    table: tableIdOf(toCount(row["table_id"], `${what}, table_id`)),
    scope: toScope(toText(row["scope"], `${what}, scope`)),
    startsAt: seqOf(toWide(row["starts_at"], `${what}, starts_at`)),
  };
  return { kind: "historyStart", start };
}

function toScope(text: string): Scope {
  return text === "" ? SHARED_SCOPE : scopeOfUser(parseUserId(text));
}

function toKey(value: unknown, what: string): SqliteValue {
  const known =
    value === null ||
    typeof value === "bigint" ||
    typeof value === "number" ||
    typeof value === "string" ||
    value instanceof Uint8Array;
  if (!known) throw damaged(what, value);
  return value;
}
