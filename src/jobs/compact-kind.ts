// The compaction of a table: merges the files of each scope, one scope after the other.
import { DbError } from "../base/errors.ts";
import { type Scope, tableIdOf } from "../base/ids.ts";
import { errorText } from "../base/log.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { Compactor, ScopeCompacted } from "../storage/cold/compact.ts";
import type { CatalogView } from "../storage/seams.ts";
import { scopeText, whyOf } from "./flush-kind.ts";
import {
  type JobContext,
  type JobEnd,
  JobFailure,
  type JobKind,
  type JobValues,
  numberOf,
  textOf,
} from "./job-kind.ts";
import { isRetryable } from "./retry.ts";

/** `due`: what the policy asks for; `full`: each scope into one run. */
export type CompactionMode = "due" | "full";

export interface CompactDeps {
  readonly catalog: CatalogView;
  readonly compaction: {
    compactScope(
      table: TableSchema,
      scope: Scope,
      options: { readonly mode: CompactionMode; readonly signal: AbortSignal },
    ): Promise<ScopeCompacted>;
    readonly isDue: Compactor["isDue"];
  };
}

export function compactParameters(table: TableSchema, mode: CompactionMode): JobValues {
  return { table: qualifiedName(table), table_id: table.id, mode };
}

/** Not the lock of flushes: these go on beside it, or a large merge would let the buffer grow. */
function compactionLock(table: TableSchema["id"]): string {
  return `compaction:${table}`;
}

/** After a restart it begins anew: what it committed before is merged already. */
export function compactKind(deps: CompactDeps): JobKind {
  return {
    priority: 0,
    maxRetries: 3,
    afterRestart: "resume",
    open(parameters) {
      const id = tableIdOf(numberOf(parameters, "table_id"));
      const mode = textOf(parameters, "mode") === "full" ? "full" : "due";
      return { locks: [compactionLock(id)], run: (context) => compactTable({ id, mode }, context, deps) };
    },
  };
}

interface CompactWork {
  readonly id: TableSchema["id"];
  readonly mode: CompactionMode;
}

/** A scope that fails keeps its files and does not stop the rest. */
async function compactTable({ id, mode }: CompactWork, context: JobContext, deps: CompactDeps): Promise<JobEnd> {
  const { catalog, compaction } = deps;
  const { signal } = context;
  const table = catalog.tableById(id);
  if (table === undefined) throw new DbError("TABLE_NOT_FOUND", "The table was dropped before it was compacted");
  const total = { scopes: 0, merges: 0, filesBefore: 0, filesAfter: 0, rowsBefore: 0, rowsAfter: 0 };
  const failures: { readonly scope: Scope; readonly error: unknown }[] = [];
  const scopes = catalog.flushedScopes(id);
  for (const [index, scope] of scopes.entries()) {
    if (index % SCOPES_AT_ONCE === 0) await Bun.sleep(0);
    context.progress(index, scopes.length);
    if (signal.aborted) break;
    if (mode === "due" && !compaction.isDue(id, scope)) continue;
    try {
      const done = await compaction.compactScope(table, scope, { mode, signal });
      if (done.merges === 0) continue;
      context.used(done.usage);
      total.scopes += 1;
      total.merges += done.merges;
      total.filesBefore += done.segmentsBefore;
      total.filesAfter += done.segmentsAfter;
      total.rowsBefore += done.rowsBefore;
      total.rowsAfter += done.rowsAfter;
    } catch (error) {
      if (signal.aborted) break;
      failures.push({ scope, error });
    }
  }
  const merged = total.merges === 0 ? "(nothing to merge)" : `(${total.filesBefore} files into ${total.filesAfter})`;
  if (failures.length > 0) {
    if (catalog.tableById(id) === undefined)
      throw new DbError("TABLE_NOT_FOUND", "The table was dropped while it was compacted");
    throw new JobFailure(
      `Compaction of ${qualifiedName(table)} failed for ${failures.length} scope(s) ${merged}${whyOf(failures)}`,
      {
        trace: failures.map(({ scope, error }) => `${scopeText(scope)}: ${errorText(error)}`).join("\n"),
        isRetryable: failures.every(({ error }) => isRetryable(error)),
      },
    );
  }
  if (signal.aborted) return { kind: "interrupted", message: merged };
  return { kind: "completed", message: `Compacted ${qualifiedName(table)} successfully ${merged}`, result: total };
}

/** Looked at between two turns of the event loop. */
const SCOPES_AT_ONCE = 200;
