// Dispatch of one statement to what executes it.

import { assertMayActAs } from "../auth/access.ts";
import { assertNever, DbError } from "../base/errors.ts";
import type { ConnectionId } from "../base/ids.ts";
import { paramShape } from "../model/param.ts";
import { isAdmin } from "../model/role.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import { BIGINT, JSON_TYPE, TEXT } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { isLongInsert } from "../sql/parse/split-insert.ts";
import type { DataPlan } from "../sql/plan.ts";
import type { Statement } from "../sql/statement.ts";
import { alterTable } from "./alter-table.ts";
import { runApiKeyStatement } from "./api-keys.ts";
import { isBackupStatement, runBackup } from "./backup-statements.ts";
import { runBulkInsert } from "./bulk-insert.ts";
import { runData } from "./data.ts";
import { requireTable, runDdl } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { explain } from "./explain.ts";
import { runIndexStatement, showIndexes } from "./indexes.ts";
import { compactAll, compactTable, flushAll } from "./maintenance-statements.ts";
import { namespaceHint } from "./names.ts";
import { messageResult, rowsResult } from "./outcome.ts";
import { assertMayExecute } from "./permission.ts";
import type { PlannedData, Runnable } from "./prepare.ts";
import type { Caller, Session } from "./session.ts";
import { showCreate } from "./show-create.ts";
import { isStorageStatement, runStorageStatement } from "./storages.ts";
import { showTableStats } from "./table-stats.ts";
import { truncate } from "./truncate.ts";
import { isUserStatement, runUserStatement } from "./user-statements.ts";
import { createView, dropView, showViews } from "./user-views.ts";
import { columns } from "./views/definition.ts";
import { SYSTEM_NAMESPACES } from "./views/registry.ts";

export interface Ran {
  readonly result: StatementResult;
  /** Changed by USE only. */
  readonly session: Session;
}

type AdminStatement = Exclude<Statement, { readonly kind: "select" | "insert" | "update" | "delete" }>;

export async function runRunnable(runnable: Runnable, call: Caller, deps: EngineDeps): Promise<Ran> {
  const { session } = call;
  if (runnable.kind === "data") {
    return { result: await runData(() => runnable.plan(session), call, deps), session };
  }
  const { statement } = runnable;
  assertMayExecute(session, statement.kind);
  if (statement.kind === "useNamespace") return useNamespace(statement, call, deps);
  return { result: await runStatement(statement, call, deps), session };
}

function useNamespace(statement: Extract<Statement, { kind: "useNamespace" }>, call: Caller, deps: EngineDeps): Ran {
  if (deps.catalog.namespace(statement.name) === undefined && !SYSTEM_NAMESPACES.has(statement.name)) {
    const hint = namespaceHint(statement.name, deps.catalog);
    throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${statement.name}' does not exist`, hint);
  }
  const session = { ...call.session, namespace: statement.name };
  return { result: messageResult(session, `Namespace switched to '${statement.name}'`), session };
}

async function runStatement(statement: AdminStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  if (isUserStatement(statement)) return runUserStatement(statement, call, deps);
  if (isStorageStatement(statement)) return runStorageStatement(statement, call.session, deps);
  if (isBackupStatement(statement)) return runBackup(statement, call, deps);
  switch (statement.kind) {
    case "createTable":
    case "dropTable":
    case "createNamespace":
    case "alterNamespace":
    case "dropNamespace":
    case "showNamespaces":
    case "showTables":
    case "describeTable":
      return runDdl(statement, call.session, deps);
    case "truncate":
      return truncate(statement.tables, call, deps);
    case "clearCache":
      return clearCaches(call, deps);
    case "showCreate":
    case "showViews":
    case "showIndexes":
    case "tableStats":
      return runShow(statement, call, deps);
    case "createIndex":
    case "dropIndex":
      return runIndexStatement(statement, call.session, deps);
    case "createView":
      return createView(statement, call.session, deps);
    case "dropView":
      return dropView(statement, call.session, deps);
    case "alterTable":
      return alterTable(statement, call, deps);
    case "createApiKey":
    case "dropApiKey":
    case "showApiKeys":
      return runApiKeyStatement(statement, call, deps);
    case "flushTable":
    case "flushAll":
    case "compactTable":
    case "compactAll":
    case "killJob":
      return runJobStatement(statement, call, deps);
    case "killConnection":
    case "killLiveQuery":
      return runKill(statement, call, deps);
    case "subscribe":
      return subscribeRow(statement, call);
    case "explain":
      return explain(statement, call, deps);
    case "executeAs":
      return executeAs(statement, call, deps);
    case "useNamespace":
    case "begin":
    case "commit":
    case "rollback":
      throw new DbError("SQL_EXECUTION_ERROR", "there is no transaction in progress");
    default:
      return assertNever(statement, "statement");
  }
}

const CACHES = columns({
  cache: TEXT,
  entries_cleared: BIGINT,
});

async function clearCaches(call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const { columns, tables } = await deps.queries.clearCaches();
  const cleared = { ...deps.preparer.clearCaches(), segment_columns: columns, segment_tables: tables };
  const rows = Object.entries(cleared).map(([name, entries]) => [name, BigInt(entries)]);
  return rowsResult(call.session, CACHES, rows);
}

type ShowStatement = Extract<Statement, { readonly kind: "showCreate" | "showViews" | "showIndexes" | "tableStats" }>;

async function runShow(statement: ShowStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  if (statement.kind === "showCreate") return showCreate(statement.relation, call.session, deps);
  if (statement.kind === "showIndexes") return showIndexes(statement.relation, call.session, deps);
  if (statement.kind === "showViews") return showViews(statement.namespace, call.session, deps);
  return showTableStats(requireTable(statement.table, call.session, deps), call, deps);
}

type JobStatement = Extract<
  Statement,
  { readonly kind: "flushTable" | "flushAll" | "compactTable" | "compactAll" | "killJob" }
>;

async function runJobStatement(statement: JobStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  switch (statement.kind) {
    case "flushTable": {
      const table = requireTable(statement.table, call.session, deps);
      const name = qualifiedName(table);
      const started = await deps.jobs.flushTable(table);
      if ("skipped" in started)
        return messageResult(call.session, `Storage flush skipped: ${started.skipped} for table '${name}'`);
      return messageResult(call.session, `Storage flush started for table '${name}'. Job ID: ${started.jobId}`);
    }
    case "flushAll":
      return flushAll(statement.namespace, call, deps);
    case "compactTable":
      return compactTable(requireTable(statement.table, call.session, deps), call, deps);
    case "compactAll":
      return compactAll(statement.namespace, call, deps);
    case "killJob":
      return killJob(statement.job, call, deps);
    default:
      return assertNever(statement, "job statement");
  }
}

async function killJob(id: string, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  switch (await deps.jobs.killJob(id)) {
    case "cancelled":
      return messageResult(call.session, `Job ${id} killed: cancelled`);
    case "ending":
      return messageResult(call.session, `Job ${id} killed: it ends at its next step`);
    case "finished": {
      const status = deps.catalog.job(id)?.status ?? "finished";
      throw new DbError("INVALID_INPUT", `Cannot cancel job in status '${status}'`);
    }
    default:
      throw new DbError("NOT_FOUND", `Job '${id}' does not exist`);
  }
}

type KillStatement = Extract<Statement, { readonly kind: "killConnection" | "killLiveQuery" }>;

function runKill(statement: KillStatement, call: Caller, deps: EngineDeps): StatementResult {
  if (statement.kind === "killConnection") {
    if (!deps.live.killConnection(statement.connection as ConnectionId)) {
      throw new DbError("NOT_FOUND", `Connection '${statement.connection}' does not exist`);
    }
    return messageResult(call.session, `Connection killed: ${statement.connection}`);
  }
  // Others' live queries do not exist for a user who is no administrator.
  const owner = deps.live.ownerOf(statement.liveId);
  const mayKill = isAdmin(call.session.role) || owner === call.session.user;
  if (!mayKill || !deps.live.killLiveQuery(statement.liveId)) {
    throw new DbError("NOT_FOUND", `Live query '${statement.liveId}' does not exist`);
  }
  return messageResult(call.session, `Live query killed: ${statement.liveId}`);
}

/** SUBSCRIBE TO over HTTP tells a client what to send over the socket; the subscription itself lives there. */
function subscribeRow(statement: Extract<Statement, { kind: "subscribe" }>, call: Caller): StatementResult {
  const id = `sub-${Bun.randomUUIDv7()}`;
  return rowsResult(
    call.session,
    columns({
      status: TEXT,
      ws_url: TEXT,
      subscription: JSON_TYPE,
      message: TEXT,
    }),
    [
      [
        "active",
        "/v1/ws",
        JSON.stringify({ id, sql: statement.selectText, options: wireOptions(statement.options) }),
        "Open a WebSocket at ws_url and send this subscription to receive updates.",
      ],
    ],
  );
}

/** As a frame of the WebSocket says them; 64-bit positions are text. */
function wireOptions({ lastRows, batchSize, from }: Extract<Statement, { kind: "subscribe" }>["options"]): object {
  return { last_rows: lastRows, batch_size: batchSize, from: from?.toString() };
}

async function executeAs(
  statement: Extract<Statement, { kind: "executeAs" }>,
  call: Caller,
  deps: EngineDeps,
): Promise<StatementResult> {
  const target = deps.catalog.user(statement.user);
  // An id nobody registered counts as a plain user: rows may be kept for people who never log in.
  assertMayActAs(call.session, { user: statement.user, role: target?.role ?? "user" });
  const session: Session = { user: statement.user, role: "user", namespace: call.session.namespace };
  const { innerText } = statement;
  if (isLongInsert(innerText)) {
    const bulk = { sql: innerText, caller: { ...call, session }, assertAllowed: assertOwnTables };
    const result = await runBulkInsert(bulk, deps);
    if (result !== undefined) return result;
  }
  const [inner] = deps.preparer.prepare(innerText, session, paramShape(call.params));
  if (inner === undefined || inner.kind !== "data") {
    throw new DbError("INVALID_INPUT", "EXECUTE AS USER takes one SELECT, INSERT, UPDATE or DELETE");
  }
  const plan = (): PlannedData => {
    const planned = inner.plan(session);
    assertOwnTables(planned.plan);
    return planned;
  };
  return runData(plan, { ...call, session }, deps);
}

/** What it writes and what it reads. */
function tablesOf(plan: DataPlan): readonly TableSchema[] {
  if (plan.kind === "query") return plan.relations.flatMap((use) => (use.kind === "systemView" ? [] : [use.schema]));
  if (plan.kind !== "insert") return [plan.table, ...tablesOf(plan.find)];
  return plan.source.kind === "query" ? [plan.table, ...tablesOf(plan.source.query)] : [plan.table];
}

function assertOwnTables(plan: DataPlan): void {
  const shared = tablesOf(plan).find((table) => table.kind === "shared");
  if (shared === undefined) return;
  throw new DbError(
    "SQL_EXECUTION_ERROR",
    `EXECUTE AS USER is not allowed on SHARED tables (table '${qualifiedName(shared)}'). AS USER impersonation is only supported for USER and STREAM tables.`,
  );
}
