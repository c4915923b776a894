// Catalog records written as SQLite rows, inside whatever transaction the writer has open. Decides nothing: `catalog-transaction.ts` does.

import type { Changes, Database, Statement } from "bun:sqlite";
import type { TableId, UserId } from "../../base/ids.ts";
import { tableIdOf } from "../../base/ids.ts";
import type { ApiKey } from "../../model/api-key.ts";
import type { AuditEntry } from "../../model/audit.ts";
import type { JobRecord } from "../../model/job.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { SqliteValue } from "../../model/sql-type.ts";
import type { Storage } from "../../model/storage.ts";
import type { User } from "../../model/user.ts";
import type { ViewSchema } from "../../model/view.ts";
import type { Namespace, Segment } from "../seams.ts";
import { API_KEY_COLUMNS, AUDIT_COLUMNS, JOB_COLUMNS, SEGMENT_COLUMNS, USER_COLUMNS } from "./catalog-ddl.ts";
import type { HistoryStart } from "./catalog-state.ts";
import { encodeStorage } from "./storage-definition.ts";
import { encodeTable } from "./table-definition.ts";
import { encodeView } from "./view-definition.ts";

function insertText(table: string, columns: readonly string[]): string {
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map((_name, index) => `?${index + 1}`).join(", ")})`;
}

/** The first column is the key. */
function upsertText(table: string, columns: readonly string[]): string {
  const [key, ...rest] = columns;
  const updates = rest.map((name) => `${name} = excluded.${name}`).join(", ");
  return `${insertText(table, columns)} ON CONFLICT (${key}) DO UPDATE SET ${updates}`;
}

const TEXTS = {
  insertNamespace: insertText("namespaces", ["name", "created_at_ms"]),
  putNamespaceOptions: "UPDATE namespaces SET options = ?2 WHERE name = ?1",
  deleteNamespace: "DELETE FROM namespaces WHERE name = ?1",
  insertTable: insertText("tables", ["namespace", "name", "version"]),
  insertTableVersion: insertText("table_versions", ["table_id", "version", "definition"]),
  replaceTableVersion: "UPDATE table_versions SET definition = ?3 WHERE table_id = ?1 AND version = ?2",
  setTableVersion: "UPDATE tables SET version = ?2 WHERE id = ?1",
  deleteTable: "DELETE FROM tables WHERE id = ?1",
  deleteTableVersion: "DELETE FROM table_versions WHERE table_id = ?1 AND version = ?2",
  deleteTableVersions: "DELETE FROM table_versions WHERE table_id = ?1",
  deleteTableSegments: "DELETE FROM segments WHERE id IN (SELECT id FROM segments WHERE table_id = ?1 LIMIT ?2)",
  putView: `${insertText("views", ["namespace", "name", "definition"])} ON CONFLICT DO UPDATE SET definition = excluded.definition`,
  deleteView: "DELETE FROM views WHERE namespace = ?1 AND name = ?2",
  deleteUser: "DELETE FROM users WHERE id = ?1",
  putUser: upsertText("users", USER_COLUMNS),
  putApiKey: upsertText("api_keys", API_KEY_COLUMNS),
  insertAudit: insertText("audit_log", AUDIT_COLUMNS),
  trimAudit: "DELETE FROM audit_log WHERE id <= ?1",
  deleteApiKey: "DELETE FROM api_keys WHERE id = ?1",
  putStorage: upsertText("storages", ["id", "definition"]),
  deleteStorage: "DELETE FROM storages WHERE id = ?1",
  putJob: upsertText("jobs", JOB_COLUMNS),
  deleteJob: "DELETE FROM jobs WHERE id = ?1",
  insertSegment: insertText("segments", SEGMENT_COLUMNS),
  deleteSegment: "DELETE FROM segments WHERE id = ?1",
  putHistoryStart: `${insertText("history_starts", ["table_id", "scope", "starts_at"])} ON CONFLICT DO UPDATE SET starts_at = excluded.starts_at`,
  deleteHistoryStarts:
    "DELETE FROM history_starts WHERE table_id = ?1 AND scope IN (SELECT scope FROM history_starts WHERE table_id = ?1 LIMIT ?2)",
} as const;

type StatementName = keyof typeof TEXTS;

/** Total, so that a new column needs a value; undefined is NULL. */
function inOrder<Name extends string>(
  columns: readonly Name[],
  values: Readonly<Record<Name, SqliteValue | undefined>>,
): SqliteValue[] {
  return columns.map((column) => values[column] ?? null);
}

export class CatalogWriter {
  readonly #db: Database;
  readonly #statements = new Map<StatementName, Statement<never, SqliteValue[]>>();

  constructor(db: Database) {
    this.#db = db;
  }

  insertNamespace({ name, createdAtMs }: Namespace): void {
    this.#run("insertNamespace", [name, createdAtMs]);
  }

  putNamespaceOptions({ name, options }: Namespace): void {
    this.#run("putNamespaceOptions", [name, JSON.stringify(options)]);
  }

  deleteNamespace(name: string): void {
    this.#run("deleteNamespace", [name]);
  }

  /** Returns the id, under which `insertTableVersion` then stores the definition. */
  insertTable(namespace: string, name: string): TableId {
    return tableIdOf(this.#run("insertTable", [namespace, name, 1]));
  }

  insertTableVersion(schema: TableSchema): void {
    this.#run("insertTableVersion", [schema.id, schema.version, encodeTable(schema)]);
  }

  /** Makes the version the table's newest. */
  putTableVersion(schema: TableSchema): void {
    this.insertTableVersion(schema);
    this.#run("setTableVersion", [schema.id, schema.version]);
  }

  /** The same version, told anew. */
  replaceTableVersion(schema: TableSchema): void {
    this.#run("replaceTableVersion", [schema.id, schema.version, encodeTable(schema)]);
  }

  deleteTableVersion({ id, version }: TableSchema): void {
    this.#run("deleteTableVersion", [id, version]);
  }

  /** With its versions. Rows of its segments mean nothing without it; `deleteTableSegments` removes them in parts. */
  deleteTable(id: TableId): void {
    this.#run("deleteTableVersions", [id]);
    this.#run("deleteTable", [id]);
  }

  /** With what else the catalog holds of its scopes. At most `limit` of each; returns how many. */
  deleteTableSegments(id: TableId, limit: number): number {
    const segments = this.#execute("deleteTableSegments", [id, limit]).changes;
    return segments + this.#execute("deleteHistoryStarts", [id, limit]).changes;
  }

  putView(view: ViewSchema): void {
    this.#run("putView", [view.namespace, view.name, encodeView(view)]);
  }

  deleteView({ namespace, name }: ViewSchema): void {
    this.#run("deleteView", [namespace, name]);
  }

  deleteUser(id: UserId): void {
    this.#run("deleteUser", [id]);
  }

  putUser(user: User): void {
    const values = inOrder(USER_COLUMNS, {
      id: user.id,
      password_hash: user.passwordHash,
      oauth_issuer: user.oauth?.issuer,
      oauth_subject: user.oauth?.subject,
      role: user.role,
      email: user.email,
      failed_logins: user.failedLogins,
      locked_until_ms: user.lockedUntilMs,
      last_login_at_ms: user.lastLoginAtMs,
      created_at_ms: user.createdAtMs,
      updated_at_ms: user.updatedAtMs,
      deleted_at_ms: user.deletedAtMs,
      tokens_valid_from_ms: user.tokensValidFromMs,
      sessions: JSON.stringify(user.sessions),
      storage_id: user.storageId,
      storage_mode: user.storageMode ?? "table",
    });
    this.#run("putUser", values);
  }

  appendAudit(entry: AuditEntry, keep: number): void {
    const { timeMs, actor, action, target, status, details, address, subject } = entry;
    const values = [timeMs, actor, action, target, status, details, address, subject];
    const id = this.#run(
      "insertAudit",
      values.map((value) => value ?? null),
    );
    this.#run("trimAudit", [id - keep]);
  }

  putApiKey(key: ApiKey): void {
    const values = inOrder(API_KEY_COLUMNS, {
      id: key.id,
      name: key.name,
      user_id: key.user,
      role: key.role,
      secret_hash: key.secretHash,
      created_by: key.createdBy,
      created_at_ms: key.createdAtMs,
      expires_at_ms: key.expiresAtMs,
      last_used_at_ms: key.lastUsedAtMs,
    });
    this.#run("putApiKey", values);
  }

  deleteApiKey(id: string): void {
    this.#run("deleteApiKey", [id]);
  }

  putStorage(storage: Storage): void {
    this.#run("putStorage", [storage.id, encodeStorage(storage)]);
  }

  deleteStorage(id: string): void {
    this.#run("deleteStorage", [id]);
  }

  putJob(job: JobRecord): void {
    const values = inOrder(JOB_COLUMNS, {
      id: job.id,
      type: job.type,
      status: job.status,
      parameters: job.parameters,
      result: job.result,
      message: job.message,
      trace: job.trace,
      progress: job.progress,
      idempotency_key: job.key,
      priority: job.priority,
      retries: job.retries,
      max_retries: job.maxRetries,
      created_at_ms: job.createdAtMs,
      updated_at_ms: job.updatedAtMs,
      started_at_ms: job.startedAtMs,
      finished_at_ms: job.finishedAtMs,
      memory_used: job.memoryUsed,
      cpu_used: job.cpuUsed,
    });
    this.#run("putJob", values);
  }

  deleteJob(id: string): void {
    this.#run("deleteJob", [id]);
  }

  /** Returns the id. */
  insertSegment(segment: Omit<Segment, "id">): number {
    const values = inOrder(SEGMENT_COLUMNS, {
      table_id: segment.tableId,
      scope: segment.scope,
      path: segment.path,
      schema_version: segment.schemaVersion,
      rows: segment.rows,
      tombstones: segment.tombstones,
      bytes: segment.bytes,
      min_seq: segment.minSeq,
      max_seq: segment.maxSeq,
      min_key: segment.minKey,
      max_key: segment.maxKey,
      created_at_ms: segment.createdAtMs,
    });
    return this.#run("insertSegment", values);
  }

  deleteSegment(id: number): void {
    this.#run("deleteSegment", [id]);
  }

  putHistoryStart({ table, scope, startsAt }: HistoryStart): void {
    this.#run("putHistoryStart", [table, scope, startsAt]);
  }

  /** Returns the rowid of an insert. */
  #run(name: StatementName, values: readonly SqliteValue[]): number {
    return Number(this.#execute(name, values).lastInsertRowid);
  }

  #execute(name: StatementName, values: readonly SqliteValue[]): Changes {
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      statement = this.#db.prepare<never, SqliteValue[]>(TEXTS[name]).safeIntegers(true);
      this.#statements.set(name, statement);
    }
    return statement.run(...values);
  }
}
