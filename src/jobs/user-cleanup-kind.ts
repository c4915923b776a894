// Removes a dropped user whose grace period is over: rows of all USER and STREAM tables, their files, API keys, and last the account, whose id is free again then.
import { parseUserId, scopeOfUser, type UserId } from "../base/ids.ts";
import { isFinished } from "../model/job.ts";
import type { TableSchema } from "../model/schema.ts";
import type { User } from "../model/user.ts";
import { releaseFiles } from "../storage/files/release-files.ts";
import type { CatalogView, Segment, Slices, Writer, WriteTx } from "../storage/seams.ts";
import { type JobContext, type JobEnd, type JobKind, textOf } from "./job-kind.ts";
import { measured, measuredSlices } from "./measured.ts";

export interface UserCleanupDeps {
  readonly catalog: CatalogView;
  readonly writer: Pick<Writer, "submitInSlices">;
  readonly cleanup: {
    readonly graceMs: number;
    /** Removes files that no segment names any more. */
    readonly removeFiles: (segments: readonly Segment[]) => void;
    /** Removes files made for the user: exports. */
    readonly removeExports: (user: UserId) => void;
    /** Resolves when nothing that was purged is left in the data file, where a scan could still see it. */
    readonly trimmed: () => Promise<void>;
  };
  readonly clock: { nowMs(): number };
}

export function userCleanupKey(user: UserId): string {
  return `user_cleanup:${user}`;
}

/** Whether the time in which a dropped user can be brought back is over. */
export function isPastGrace(
  user: User,
  { graceMs, nowMs }: { readonly graceMs: number; readonly nowMs: number },
): boolean {
  return user.deletedAtMs !== undefined && nowMs - user.deletedAtMs >= graceMs;
}

/** Each step is a commit of its own and may be done again, so after a restart it begins anew. */
export function userCleanupKind(deps: UserCleanupDeps): JobKind {
  return {
    priority: 1,
    maxRetries: 3,
    afterRestart: "resume",
    open(parameters) {
      const user = parseUserId(textOf(parameters, "user"));
      return { locks: [userCleanupKey(user)], run: (context) => cleanUp(user, context, deps) };
    },
  };
}

async function cleanUp(user: UserId, context: JobContext, deps: UserCleanupDeps): Promise<JobEnd> {
  const { writer, catalog, cleanup } = deps;
  const { signal } = context;
  const isDue = (tx: WriteTx): boolean => {
    const record = tx.catalog.user(user);
    return record !== undefined && isPastGrace(record, { graceMs: cleanup.graceMs, nowMs: deps.clock.nowMs() });
  };
  const tables = catalog.tables().filter(isOwned);
  let files = 0;
  for (const [index, { id }] of tables.entries()) {
    context.progress(index, tables.length);
    if (signal.aborted) return { kind: "interrupted", message: `(${index} of ${tables.length} tables)` };
    const { value: purged } = await writer.submitInSlices(function* (tx): Slices<readonly Segment[] | undefined> {
      return isDue(tx) ? yield* measuredSlices(context, purge(tx, { id, user })) : undefined;
    });
    if (purged === undefined)
      return { kind: "completed", message: `User '${user}' was brought back; nothing more removed` };
    files += purged.length;
    measured(context, () => cleanup.removeFiles(purged));
  }
  await Promise.race([cleanup.trimmed(), whenAborted(signal)]);
  if (signal.aborted) return { kind: "interrupted", message: "(all tables; the account stays)" };
  const { value: last } = await writer.submitInSlices(function* (tx): Slices<readonly Segment[]> {
    return isDue(tx) ? yield* measuredSlices(context, removeAccount(tx, user)) : [];
  });
  files += last.length;
  measured(context, () => {
    cleanup.removeFiles(last);
    cleanup.removeExports(user);
  });
  const message = `Removed user '${user}' with the rows of ${tables.length} table(s) (${files} files)`;
  return { kind: "completed", message, result: { user, tables: tables.length, files } };
}

function isOwned({ kind }: TableSchema): boolean {
  return kind !== "shared";
}

function* purge(
  tx: WriteTx,
  { id, user }: { readonly id: TableSchema["id"]; readonly user: UserId },
): Slices<readonly Segment[]> {
  const table = tx.catalog.tableById(id);
  if (table === undefined) return [];
  const scope = scopeOfUser(user);
  // At once: nobody can ask for the files of a user who is gone.
  yield* releaseFiles(tx, { table: id, scope, nowMs: 0 });
  return tx.purgeScope(table, scope);
}

/** With what was written for the user since its tables were looked at: an administrator may write in anybody's name. */
function* removeAccount(tx: WriteTx, user: UserId): Slices<readonly Segment[]> {
  const purged: Segment[] = [];
  for (const { id } of tx.catalog.tables().filter(isOwned)) {
    purged.push(...(yield* purge(tx, { id, user })));
    yield;
  }
  // Their files go; whoever gets the id has exported nothing.
  const parameters = JSON.stringify({ user });
  for (const job of tx.catalog.jobs()) {
    if (job.type === "user_export" && job.parameters === parameters && isFinished(job)) tx.deleteJob(job.id);
  }
  tx.deleteUser(user);
  return purged;
}

function whenAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
