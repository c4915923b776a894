// The flush of a table: moves the buffered rows of each scope, up to the position at which the job began, into Parquet.
import { DbError } from "../base/errors.ts";
import { type Scope, SHARED_SCOPE, tableIdOf } from "../base/ids.ts";
import { errorText } from "../base/log.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { FlushScopeRequest, ScopeFlushed } from "../storage/cold/flush.ts";
import type { CatalogView, Segment, Writer } from "../storage/seams.ts";
import { type JobContext, type JobEnd, JobFailure, type JobKind, type JobValues, numberOf } from "./job-kind.ts";
import { isRetryable } from "./retry.ts";

export type JobFlushRequest = Required<FlushScopeRequest>;

export interface FlushDeps {
  readonly catalog: CatalogView;
  readonly writer: Pick<Writer, "position" | "bufferedScopes" | "bufferedRows">;
  /** Moves one scope's versions up to a position into Parquet. */
  readonly flushScope: (request: JobFlushRequest) => Promise<ScopeFlushed>;
}

export function flushParameters(table: TableSchema): JobValues {
  return { table: qualifiedName(table), table_id: table.id };
}

/** Two flushes of a table never run together. */
export function tableLock(table: TableSchema["id"]): string {
  return `table:${table}`;
}

/** After a restart it begins anew: what it committed before is buffered no more. */
export function flushKind(deps: FlushDeps): JobKind {
  return {
    priority: 10,
    maxRetries: 3,
    afterRestart: "resume",
    open(parameters) {
      const id = tableIdOf(numberOf(parameters, "table_id"));
      return { locks: [tableLock(id)], run: (context) => flushTable(id, context, deps) };
    },
  };
}

/** While the files of some are synced or uploaded, committed together and described, the worker makes that of the next; how many it has in work at a time is its own matter. */
export const SCOPES_AT_ONCE = 32;

/** A scope that fails keeps its rows and does not stop the rest. */
async function flushTable(id: TableSchema["id"], context: JobContext, deps: FlushDeps): Promise<JobEnd> {
  const { writer, catalog, flushScope } = deps;
  const { signal } = context;
  const upTo = writer.position;
  // The version of this very moment: it has every column of every row up to here, however long the job waited.
  const table = catalog.tableById(id);
  if (table === undefined) throw new DbError("TABLE_NOT_FOUND", "The table was dropped before it was flushed");
  const total = { rows: 0, files: 0, bytes: 0 };
  const failures: { readonly scope: Scope; readonly error: unknown }[] = [];
  const scopes = writer.bufferedScopes(id);
  const buffered = writer.bufferedRows(id);
  // File by file: what is committed stays, however the rest ends, and has to be told.
  const onFile = ({ rows, bytes }: Segment): void => {
    total.rows += rows;
    total.files += 1;
    total.bytes += bytes;
    context.progress(Math.min(total.rows, buffered), buffered);
  };
  const waiting = scopes.values();
  const lane = async (): Promise<void> => {
    for (const scope of waiting) {
      if (signal.aborted) return;
      try {
        const outcome = await flushScope({ schema: table, scope, upTo, signal, onFile });
        context.used(outcome.usage);
      } catch (error) {
        if (!signal.aborted) failures.push({ scope, error });
      }
    }
  };
  await Promise.all(Array.from({ length: SCOPES_AT_ONCE }, lane));
  const flushed = `(${total.rows} rows, ${total.files} files)`;
  if (failures.length > 0) {
    // Its folder went from under the files; nobody has to look into that.
    if (catalog.tableById(id) === undefined)
      throw new DbError("TABLE_NOT_FOUND", "The table was dropped while it was flushed");
    throw new JobFailure(
      `Flush of ${qualifiedName(table)} failed for ${failures.length} scope(s) ${flushed}${whyOf(failures)}`,
      {
        trace: failures.map(({ scope, error }) => `${scopeText(scope)}: ${errorText(error)}`).join("\n"),
        isRetryable: failures.every(({ error }) => isRetryable(error)),
      },
    );
  }
  if (signal.aborted) return { kind: "interrupted", message: flushed };
  const message = `Flushed ${qualifiedName(table)} successfully ${flushed}`;
  return { kind: "completed", message, result: { ...total, scopes: scopes.length } };
}

/** What the first of them says; the trace has all. */
export function whyOf([first]: readonly { readonly error: unknown }[]): string {
  return first === undefined
    ? ""
    : `: ${first.error instanceof DbError ? first.error.message : errorText(first.error)}`;
}

export function scopeText(scope: Scope): string {
  return scope === SHARED_SCOPE ? "shared rows" : `user '${scope}'`;
}
