// A table as the statement that would make it, and what is said of it beside its columns.
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import { typeText } from "../model/types.ts";
import { defaultText } from "./views/definition.ts";
import { indexText } from "./views/index-view.ts";

export function tableText(table: TableSchema): string {
  const columns = table.columns.map((column, index) => {
    const value = defaultText(column);
    const isKey = index === table.keyIndex;
    const constraint = isKey ? " PRIMARY KEY" : column.nullable ? "" : " NOT NULL";
    return `"${column.name}" ${typeText(column.type)}${constraint}${value === null ? "" : ` DEFAULT ${String(value)}`}`;
  });
  return `CREATE ${table.kind.toUpperCase()} TABLE ${qualifiedName(table)} (${columns.join(", ")})${optionsText(table)}`;
}

export function optionsText({ kind, options }: TableSchema): string {
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

/** `USER table chat.drafts, version 1 WITH (STORAGE_ID = 'local')`, and its indexes. */
export function describedText(table: TableSchema): string {
  const { kind, version, indexes = [] } = table;
  const head = `${kind.toUpperCase()} table ${qualifiedName(table)}, version ${version}${optionsText(table)}`;
  return [head, ...indexes.map((index) => indexText(table, index))].join("; ");
}
