// SHOW CREATE: the statement that would make a table or view as it is now.

import { isAdmin } from "../model/role.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import { typeText } from "../model/types.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { TableRef } from "../sql/statement.ts";
import { namespaceOf, requireTable } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { rowsResult, textColumns } from "./outcome.ts";
import type { Session } from "./session.ts";
import { defaultText } from "./views/definition.ts";
import { indexText } from "./views/index-view.ts";

export function showCreate(ref: TableRef, session: Session, deps: EngineDeps): StatementResult {
  const view = deps.catalog.view(namespaceOf(ref, session), ref.name);
  if (view === undefined) {
    const table = requireTable(ref, session, deps);
    const indexes = (table.indexes ?? []).map((index) => [index.name, indexText(table, index)]);
    return rowsResult(session, textColumns("name", "statement"), [
      [qualifiedName(table), tableText(table)],
      ...indexes,
    ]);
  }
  const columns = view.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(", ");
  const text = `CREATE VIEW ${qualifiedName(view)} (${columns}) AS ${view.text}`;
  return rowsResult(session, textColumns("name", "statement"), [
    [qualifiedName(view), isAdmin(session.role) ? text : null],
  ]);
}

function tableText(table: TableSchema): string {
  const columns = table.columns.map((column, index) => {
    const value = defaultText(column);
    const isKey = index === table.keyIndex;
    const constraint = isKey ? " PRIMARY KEY" : column.nullable ? "" : " NOT NULL";
    return `"${column.name}" ${typeText(column.type)}${constraint}${value === null ? "" : ` DEFAULT ${String(value)}`}`;
  });
  return `CREATE ${table.kind.toUpperCase()} TABLE ${qualifiedName(table)} (${columns.join(", ")})${optionsText(table)}`;
}

function optionsText({ kind, options }: TableSchema): string {
  const { flushPolicy, ttlSeconds, accessLevel, storageId, deletedRetentionHours } = options;
  const rows = flushPolicy?.rows === undefined ? [] : [`rows:${flushPolicy.rows}`];
  const interval = flushPolicy?.intervalSeconds === undefined ? [] : [`interval:${flushPolicy.intervalSeconds}`];
  const policy = [...rows, ...interval].join(",");
  const written = [
    kind === "stream" ? [] : [`STORAGE_ID = '${storageId}'`],
    options.useUserStorage === true ? ["USE_USER_STORAGE = TRUE"] : [],
    policy === "" ? [] : [`FLUSH_POLICY = '${policy}'`],
    kind === "shared" ? [`ACCESS_LEVEL = '${accessLevel.toUpperCase()}'`] : [],
    ttlSeconds === undefined ? [] : [`TTL_SECONDS = ${ttlSeconds}`],
    options.isPersisted === true ? ["PERSISTED = TRUE"] : [],
    deletedRetentionHours === undefined ? [] : [`DELETED_RETENTION_HOURS = ${deletedRetentionHours}`],
  ].flat();
  return written.length === 0 ? "" : ` WITH (${written.join(", ")})`;
}
