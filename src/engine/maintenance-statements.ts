// STORAGE FLUSH ALL, STORAGE COMPACT TABLE and STORAGE COMPACT ALL: answered with the ids of the jobs that will do it.
import { DbError } from "../base/errors.ts";
import type { Name } from "../base/ids.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { EngineDeps } from "./deps.ts";
import { namespaceHint } from "./names.ts";
import { messageResult } from "./outcome.ts";
import { type Caller, DEFAULT_NAMESPACE } from "./session.ts";

export async function compactTable(table: TableSchema, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const name = qualifiedName(table);
  if (table.kind === "stream") {
    throw new DbError("UNSUPPORTED", "STORAGE COMPACT TABLE is not supported for STREAM tables");
  }
  const started = await deps.jobs.compactTable(table);
  if ("skipped" in started) {
    return messageResult(call.session, `Storage compaction skipped: ${started.skipped} for table '${name}'`);
  }
  return messageResult(call.session, `Storage compaction started for table '${name}'. Job ID: ${started.jobId}`);
}

/** Without a name: of the request's namespace, or of all when the request has none. */
export async function compactAll(name: Name | undefined, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const { tables, where } = tablesIn(name, call, deps);
  const compactable = tables.filter((table) => table.kind !== "stream");
  const started = await Promise.all(compactable.map((table) => deps.jobs.compactTable(table)));
  const ids = started.flatMap((job) => ("jobId" in job ? [job.jobId] : []));
  if (ids.length === 0) return messageResult(call.session, `No compactable tables found${where}`);
  return messageResult(call.session, `Storage compaction started for ${startedText(ids, where)}`);
}

export async function flushAll(name: Name | undefined, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const { tables, where } = tablesIn(name, call, deps);
  const started = await Promise.all(tables.map((table) => deps.jobs.flushTable(table)));
  const ids = started.flatMap((job) => ("jobId" in job ? [job.jobId] : []));
  if (ids.length === 0) return messageResult(call.session, `Storage flush skipped: no pending writes${where}`);
  return messageResult(call.session, `Storage flush started for ${startedText(ids, where)}`);
}

function startedText(ids: readonly string[], where: string): string {
  return `${ids.length} table(s)${where}. Job IDs: [${ids.join(", ")}]`;
}

interface TablesOf {
  readonly tables: readonly TableSchema[];
  /** For a message. */
  readonly where: string;
}

function tablesIn(name: Name | undefined, { session }: Caller, { catalog }: EngineDeps): TablesOf {
  const namespace = name ?? (session.namespace === DEFAULT_NAMESPACE ? undefined : session.namespace);
  if (namespace === undefined) return { tables: catalog.tables(), where: "" };
  if (catalog.namespace(namespace) === undefined) {
    throw new DbError(
      "NAMESPACE_NOT_FOUND",
      `Namespace '${namespace}' does not exist`,
      namespaceHint(namespace, catalog),
    );
  }
  return {
    tables: catalog.tables().filter((table) => table.namespace === namespace),
    where: ` in namespace '${namespace}'`,
  };
}
