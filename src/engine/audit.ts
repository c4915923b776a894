// The audit log of statements: which are kept, under what action and target, and with what text. Data statements are not: they are the users' business.
import { DbError } from "../base/errors.ts";
import { errorText } from "../base/log.ts";
import { Lru } from "../base/lru.ts";
import type { Audit, AuditEntry, AuditStatus } from "../model/audit.ts";
import { redactSecrets } from "../sql/parse/redact.ts";
import type { Statement, TableRef, UserValue } from "../sql/statement.ts";
import { namespaceOf } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import type { Runnable } from "./prepare.ts";
import type { Session } from "./session.ts";
import { isStorageStatement } from "./storages.ts";

/** Asking changes nothing. */
const NOT_KEPT: ReadonlySet<Statement["kind"]> = new Set([
  "select",
  "insert",
  "update",
  "delete",
  "explain",
  "subscribe",
  "useNamespace",
  "begin",
  "commit",
  "rollback",
  "describeTable",
  "tableStats",
]);
const MAX_DETAIL_LENGTH = 2_000;
/** A service that acts for its users does so with every request: one line an hour tells that it may. */
const REPEATED_AFTER_MS = 3_600_000;
const MAX_PAIRS = 10_000;

export function createAudit({
  writer,
  clock,
  log,
  maxEntries,
}: Pick<EngineDeps, "writer" | "clock" | "log"> & { readonly maxEntries: number }): Audit {
  const lastMs = new Lru<string, number>(MAX_PAIRS);
  return async (entry) => {
    const timeMs = clock.nowMs();
    if (entry.action === "EXECUTE_AS_USER" && entry.status !== "denied") {
      const pair = JSON.stringify([entry.actor, entry.subject]);
      if (timeMs - (lastMs.get(pair) ?? Number.NEGATIVE_INFINITY) < REPEATED_AFTER_MS) return;
      lastMs.set(pair, timeMs);
    }
    const { actor, action, target, status, address } = entry;
    log.info("audit", { actor, action, target, status, address });
    if (maxEntries === 0) return;
    try {
      await writer.submit((tx) => tx.appendAudit({ ...entry, timeMs }, maxEntries));
    } catch (error) {
      log.error("audit entry was not kept", { actor, action, target, error: errorText(error) });
    }
  };
}

export interface Attempt {
  readonly runnable: Runnable;
  readonly session: Session;
  /** Undefined: it succeeded. */
  readonly error?: unknown;
}

/** Undefined for a statement that is not kept. */
export function auditOf({ runnable, session, error }: Attempt): Omit<AuditEntry, "timeMs"> | undefined {
  if (runnable.kind === "data" || NOT_KEPT.has(runnable.statement.kind)) return undefined;
  const { statement } = runnable;
  if (statement.kind.startsWith("show")) return undefined;
  const status = statusOf(error);
  const details = {
    sql: redactSecrets(runnable.text).slice(0, MAX_DETAIL_LENGTH),
    ...(error instanceof DbError ? { error: error.code } : {}),
  };
  return {
    actor: session.user,
    action: actionOf(statement.kind, status),
    target: targetOf(statement, session),
    status,
    // What is done in somebody's name is theirs: only that it was done is kept.
    details: statement.kind === "executeAs" ? undefined : JSON.stringify(details),
    address: session.address?.(),
    subject: subjectOf(statement, session),
  };
}

function statusOf(error: unknown): AuditStatus {
  if (error === undefined) return "ok";
  return error instanceof DbError && error.code === "PERMISSION_DENIED" ? "denied" : "failed";
}

/** Rows of system.users are another spelling. */
const ROW_FORMS: ReadonlyMap<Statement["kind"], string> = new Map([
  ["insertUser", "CREATE_USER"],
  ["updateUser", "ALTER_USER"],
  ["deleteUser", "DROP_USER"],
]);

/** `createTable` is CREATE_TABLE. */
function actionOf(kind: Statement["kind"], status: AuditStatus): string {
  const rowForm = ROW_FORMS.get(kind);
  if (rowForm !== undefined) return rowForm;
  const words = kind.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  if (kind === "executeAs") return status === "denied" ? "EXECUTE_AS_USER_DENIED" : "EXECUTE_AS_USER";
  return words;
}

function targetOf(statement: Statement, session: Session): string {
  if ("table" in statement) return `table:${refText(statement.table, session)}`;
  if (isStorageStatement(statement)) return "id" in statement ? `storage:${statement.id}` : "server";
  if ("view" in statement) return `view:${refText(statement.view, session)}`;
  if ("liveId" in statement) return `live_query:${statement.liveId}`;
  if ("connection" in statement) return `connection:${statement.connection}`;
  if ("job" in statement) return `job:${statement.job}`;
  if (statement.kind.endsWith("ApiKey") && "name" in statement) return `api_key:${statement.name}`;
  if ("user" in statement || statement.kind === "insertUser") return `user:${userOf(statement) ?? session.user}`;
  if ("name" in statement) return `${statement.kind.replace(/^[a-z]+/, "").toLowerCase()}:${statement.name}`;
  return "server";
}

/** Undefined where the statement names none, or by a parameter. */
function userOf(statement: Statement): string | undefined {
  if (statement.kind === "insertUser") return textOf(statement.fields.find(({ name }) => name === "user_id")?.value);
  if (!("user" in statement)) return undefined;
  return typeof statement.user === "object" ? textOf(statement.user) : statement.user;
}

function textOf(value: UserValue | undefined): string | undefined {
  return value?.kind === "text" ? (value.text ?? undefined) : undefined;
}

function subjectOf(statement: Statement, session: Session): string | undefined {
  const user = userOf(statement);
  return user === session.user ? undefined : user;
}

function refText(ref: TableRef, session: Session): string {
  return `${namespaceOf(ref, session)}.${ref.name}`;
}
