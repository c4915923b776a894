// The export of one user's data: a ZIP file with the account and, for each USER and STREAM table in which the user has rows, those rows as JSON and the files they hold.
import { parseUserId, scopeOfUser, type UserId } from "../base/ids.ts";
import { errorText } from "../base/log.ts";
import { StatementFailure } from "../engine/failure.ts";
import { qualifiedName, type TableSchema } from "../model/schema.ts";
import type { CatalogView, Writer } from "../storage/seams.ts";
import { type JobContext, type JobEnd, JobFailure, type JobKind, type JobValues, textOf } from "./job-kind.ts";
import { measured } from "./measured.ts";
import { isRetryable } from "./retry.ts";
import { userCleanupKey } from "./user-cleanup-kind.ts";
import { ZipFile } from "./zip-file.ts";

export interface RowPage {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** `[…],[…]`, as the wire has them. */
  readonly rows: string;
  readonly rowCount: number;
  /** `_seq` of the last row. */
  readonly through: string;
}

export interface ExportedFile {
  /** As it is stored. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface ExportDeps {
  readonly catalog: CatalogView;
  readonly writer: Pick<Writer, "bufferedScopes">;
  readonly exports: {
    /** Makes the folder; the file is not there yet. */
    readonly pathOf: (user: UserId, exportId: string) => Promise<string>;
    /** The user's rows above a position, oldest first, read as the user. */
    readonly readPage: (
      user: UserId,
      request: { readonly table: TableSchema; readonly after: string; readonly signal: AbortSignal },
    ) => Promise<RowPage>;
    /** Uploaded files that the user's rows of a table hold. */
    readonly files: (user: UserId, table: TableSchema) => AsyncIterable<ExportedFile>;
    readonly remove: (user: UserId, exportId: string) => void;
  };
}

export const EXPORT_ID = /^UE-[0-9a-f]{12}$/;

/** One a day. */
export function exportKey(user: UserId, nowMs: number): string {
  return `user_export:${user}:${new Date(nowMs).toISOString().slice(0, "2026-01-01".length)}`;
}

export function exportParameters(user: UserId): JobValues {
  return { user };
}

export function exportKind(deps: ExportDeps): JobKind {
  return {
    priority: 3,
    maxRetries: 2,
    afterRestart: "resume",
    abandon: (parameters, jobId) => deps.exports.remove(parseUserId(textOf(parameters, "user")), jobId),
    open(parameters) {
      const user = parseUserId(textOf(parameters, "user"));
      // Not while the user is removed: it would miss what is gone already, and leave a file of a user who is no more.
      const locks = [`user_export:${user}`, userCleanupKey(user)];
      return { locks, run: (context) => exportUser(user, context, deps) };
    },
  };
}

async function exportUser(user: UserId, context: JobContext, deps: ExportDeps): Promise<JobEnd> {
  const { catalog, exports } = deps;
  const { signal } = context;
  if (catalog.user(user) === undefined) throw failed(`User '${user}' does not exist any more`, { isRetryable: false });
  const zip = await ZipFile.create(await exports.pathOf(user, context.jobId), (step) => measured(context, step));
  try {
    await zip.add("account.json", [accountText(user, catalog)]);
    const tables = await tablesOf(user, deps);
    for (const [index, table] of tables.entries()) {
      context.progress(index, tables.length);
      await zip.add(`${qualifiedName(table)}.json`, tableText(user, { table, signal }, deps));
      for await (const { name, bytes } of exports.files(user, table)) {
        signal.throwIfAborted();
        await zip.add(`${qualifiedName(table)}/${name}`, bytes);
      }
    }
    signal.throwIfAborted();
    const bytes = await zip.finish();
    const message = `Exported ${tables.length} table(s) of user '${user}' (${bytes} bytes)`;
    return { kind: "completed", message, result: { user, tables: tables.map(qualifiedName), bytes } };
  } catch (error) {
    await zip.discard().catch(() => undefined);
    throw error;
  }
}

function failed(message: string, { isRetryable }: { readonly isRetryable: boolean }): JobFailure {
  return new JobFailure(message, { trace: message, isRetryable });
}

function accountText(user: UserId, catalog: CatalogView): string {
  const record = catalog.user(user);
  const account = {
    user_id: user,
    role: record?.role ?? null,
    email: record?.email ?? null,
    created_at: record === undefined ? null : new Date(record.createdAtMs).toISOString(),
  };
  return `${JSON.stringify(account, undefined, 2)}\n`;
}

async function tablesOf(user: UserId, { catalog, writer }: ExportDeps): Promise<TableSchema[]> {
  const scope = scopeOfUser(user);
  const found: TableSchema[] = [];
  for (const table of catalog.tables()) {
    if (table.kind === "shared") continue;
    const isHere = catalog.segments(table.id, scope).length > 0 || table.kind === "stream";
    if (isHere || writer.bufferedScopes(table.id).includes(scope)) found.push(table);
    // A table may have many users, and a server many tables.
    await Bun.sleep(0);
  }
  return found;
}

/** The export begins anew: a table that is gone is not in it then, and one that was altered is as it is now. */
function assertUnaltered({ id, version, namespace, name }: TableSchema, { catalog }: ExportDeps): void {
  if (catalog.tableById(id)?.version === version) return;
  throw failed(`Table ${namespace}.${name} changed while it was exported`, { isRetryable: true });
}

/** The message is for the user; the trace, which says what is wrong with the server, for administrators. */
function unread(table: TableSchema, error: unknown): JobFailure {
  const cause = error instanceof StatementFailure ? error.error : error;
  const details = { trace: errorText(cause), isRetryable: isRetryable(cause) };
  return new JobFailure(`The rows of ${qualifiedName(table)} could not be read`, details);
}

interface TableRead {
  readonly table: TableSchema;
  readonly signal: AbortSignal;
}

/** Page after page by `_seq`. A row that is written again meanwhile comes once more, further down. All pages have the columns of the first. */
async function* tableText(user: UserId, { table, signal }: TableRead, deps: ExportDeps): AsyncGenerator<string> {
  let after = "0";
  for (let isFirst = true; ; isFirst = false) {
    signal.throwIfAborted();
    const page = await deps.exports
      .readPage(user, { table, after, signal })
      .catch((error: unknown) => {
        throw unread(table, error);
      })
      .finally(() => assertUnaltered(table, deps));
    if (isFirst) {
      const head = JSON.stringify({ table: qualifiedName(table), columns: page.columns });
      yield `${head.slice(0, -1)},"rows":[\n`;
    }
    if (page.rowCount === 0) break;
    yield `${isFirst ? "" : ",\n"}${page.rows}`;
    after = page.through;
  }
  yield "\n]}\n";
}
