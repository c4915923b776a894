// One statement from its text to what is shown of its answer. What lasts longer than a request on the server is kept here: the namespace of USE, the statements of a transaction.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { DbError } from "../base/errors.ts";
import { KalamError, type QueryResult } from "../link/index.ts";
import { CliError } from "./cli-error.ts";
import { expandHome } from "./paths.ts";
import { resultText } from "./result-text.ts";
import type { Session } from "./session.ts";
import { Spinner } from "./spinner.ts";
import { fileNames, type StatementKind, statementKind, withoutSemicolon } from "./statement-kind.ts";
import { interpolated } from "./variables.ts";
import { watchSubscription } from "./watch-subscription.ts";

export interface StatementOptions {
  /** Where it stands, for messages: `import.sql:12`. */
  readonly place?: string | undefined;
  /** Of `\gx`: this once, a line for each column. */
  readonly isExpanded?: boolean;
}

/** `stopped`: a script within it was, and has said so. `refused`: the login, and so every other statement. */
export type Outcome = "done" | "failed" | "cancelled" | "stopped" | "disconnected" | "refused";

/** Tells of its failure itself. Throws only what ends the client: a closed output, a mistake of ours. */
export async function runStatement(source: string, session: Session, options: StatementOptions = {}): Promise<Outcome> {
  const sql = interpolated(source, session.settings.variables);
  const kind = statementKind(sql);
  if (session.transaction !== undefined || kind.kind === "begin") return inTransaction(sql, kind, { session, options });
  return run(sql, kind, { session, options });
}

/** A statement of the client's own, behind a command: neither a part of the user's transaction nor the last statement. */
export function runOwn(
  sql: string,
  session: Session,
  own: { readonly columns?: readonly string[] } = {},
): Promise<Outcome> {
  return run(sql, { kind: "other" }, { session, options: {}, own });
}

interface Call {
  readonly session: Session;
  readonly options: StatementOptions;
  /** There for `runOwn`, with the columns that are shown. */
  readonly own?: { readonly columns?: readonly string[] };
}

/** Nothing is sent before its end: what a transaction does is one request, and so one commit or nothing. */
async function inTransaction(sql: string, kind: StatementKind, call: Call): Promise<Outcome> {
  const { session } = call;
  if (session.transaction === undefined) {
    session.transaction = [sql];
    if (session.isInteractive) await session.note("Transaction open: its statements run together, at COMMIT.\n");
    return "done";
  }
  if (kind.kind !== "end") {
    session.transaction.push(sql);
    return "done";
  }
  const text = [...session.transaction, sql].join("\n");
  session.transaction = undefined;
  return run(text, { kind: "other" }, call);
}

async function run(sql: string, kind: StatementKind, call: Call): Promise<Outcome> {
  const { session, options, own } = call;
  const { settings } = session;
  const cancel = new AbortController();
  const startedAt = performance.now();
  try {
    const results = await answerOf(sql, session, cancel);
    const tookMs = performance.now() - startedAt;
    if (kind.kind === "subscribe") {
      await watchSubscription(results[0], session);
      return "done";
    }
    if (kind.kind === "use") settings.namespace = kind.namespace;
    if (kind.kind === "definition") session.hasNewNames = true;
    if (own === undefined) session.lastStatement = sql;
    const shown =
      own?.columns === undefined ? results : results.map((result) => onlyColumns(result, own.columns ?? []));
    await showResults(shown, tookMs, call);
    return "done";
  } catch (error) {
    if (!isTold(error)) throw error;
    await session.fail(error, { sql, place: options.place });
    if (cancel.signal.aborted) return "cancelled";
    return outcomeOfError(error);
  }
}

const REFUSALS: readonly string[] = ["UNAUTHORIZED", "INVALID_CREDENTIALS", "ACCOUNT_LOCKED", "TOKEN_EXPIRED"];

export function outcomeOfError(error: unknown): Outcome {
  if (!(error instanceof KalamError)) return "failed";
  if (error.code === "NETWORK_ERROR") return "disconnected";
  return REFUSALS.includes(error.code) ? "refused" : "failed";
}

/** Errors that are news for the user, and no end of the client. */
export function isTold(error: unknown): boolean {
  const isSignal = error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
  // DbError: an answer that is not the protocol.
  return error instanceof KalamError || error instanceof CliError || error instanceof DbError || isSignal;
}

async function answerOf(sql: string, session: Session, cancel: AbortController): Promise<readonly QueryResult[]> {
  const { settings, terminal, client } = session;
  // Not longer: once the answer is there, Ctrl-C means what comes after the statement.
  using _interrupt = terminal.onInterrupt(() => cancel.abort());
  const label = session.isInteractive ? "running, Ctrl-C cancels" : "running";
  await using _spinner = new Spinner(terminal, { label, isWanted: !settings.quiet });
  const signal =
    settings.timeoutMs === 0
      ? cancel.signal
      : AbortSignal.any([cancel.signal, AbortSignal.timeout(settings.timeoutMs)]);
  const { namespace } = settings;
  const options = { signal, ...(namespace === undefined ? {} : { namespace }) };
  const files = attachments(sql, session);
  // Awaited here: the spinner turns as long as this function runs.
  if (files === undefined) return await client.batch(sql, options);
  return [await client.queryWithFiles(withoutSemicolon(sql), files, [], options)];
}

/** The local files that the statement's `FILE('name')` mean; undefined when it has none of them. */
function attachments(sql: string, { settings, env }: Session): Record<string, File> | undefined {
  const known = fileNames(sql).flatMap((name) => {
    const file = settings.files.get(name);
    return file === undefined ? [] : [[name, file] as const];
  });
  if (known.length === 0) return undefined;
  return Object.fromEntries(
    known.map(([name, { path, type }]) => {
      const local = expandHome(path, env);
      if (!existsSync(local))
        throw new CliError(`there is no file ${path}`, { hint: "\\file NAME PATH names another." });
      const blob = Bun.file(local);
      return [name, new File([blob], basename(local), { type: type ?? blob.type })];
    }),
  );
}

type ShownResult = Pick<QueryResult, "columns" | "values" | "message" | "took">;

function onlyColumns({ columns, values, message, took }: QueryResult, names: readonly string[]): ShownResult {
  const places = names.map((name) => columns.findIndex((column) => column.name === name)).filter((place) => place >= 0);
  return {
    columns: places.flatMap((place) => columns[place] ?? []),
    values: values.map((row) => places.map((place) => row[place] ?? null)),
    message,
    took,
  };
}

async function showResults(results: readonly ShownResult[], tookMs: number, { session, options }: Call): Promise<void> {
  const { settings, terminal, output } = session;
  const shown = options.isExpanded === true ? { ...settings, expanded: "on" as const } : settings;
  const screen = { width: terminal.columns, isTerminal: output.isTerminal };
  for (const result of results) {
    const { rows, note } = resultText(result, shown, screen);
    const isOneText = settings.format === "table";
    await session.show(isOneText ? rows + note : rows);
    if (!isOneText) await session.note(note);
  }
  if (settings.timing) {
    const server = results.at(-1)?.took ?? 0;
    await session.note(`Time: ${tookMs.toFixed(3)} ms (server: ${server.toFixed(3)} ms)\n`);
  }
}
