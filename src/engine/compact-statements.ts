// STORAGE COMPACT TABLE and STORAGE COMPACT ALL: answered with the ids of the jobs that will do it.
import { DbError } from "../base/errors.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult } from "./outcome.ts";
import type { Caller } from "./session.ts";

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

export async function compactAll(namespace: string, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  if (deps.catalog.namespace(namespace) === undefined) {
    throw new DbError("NAMESPACE_NOT_FOUND", `Namespace '${namespace}' does not exist`);
  }
  const tables = deps.catalog.tables().filter((table) => table.namespace === namespace && table.kind !== "stream");
  const started = await Promise.all(tables.map((table) => deps.jobs.compactTable(table)));
  const ids = started.flatMap((job) => ("jobId" in job ? [job.jobId] : []));
  if (ids.length === 0) return messageResult(call.session, `No compactable tables found in namespace '${namespace}'`);
  const text = `Storage compaction started for ${ids.length} table(s) in namespace '${namespace}'. Job IDs: [${ids.join(", ")}]`;
  return messageResult(call.session, text);
}
