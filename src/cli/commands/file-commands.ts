// Files of FILE columns, and one's own data: to the server and back.
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type KalamClient, KalamError, parseFileRef, type QueryResult } from "../../link/index.ts";
import { CliError } from "../cli-error.ts";
import { expandHome } from "../paths.ts";
import { safeLine } from "../safe-text.ts";
import type { Session } from "../session.ts";
import { Spinner } from "../spinner.ts";
import type { Command, CommandCall, CommandOutcome } from "./command.ts";

async function file({ session, args }: CommandCall): Promise<CommandOutcome> {
  const { files } = session.settings;
  const [name, path, type] = args;
  if (name === undefined) {
    const lines = [...files].map(
      ([known, each]) => `${known}  ${each.path}${each.type === undefined ? "" : `  ${each.type}`}\n`,
    );
    await session.output.write(
      lines.length === 0 ? "No files: \\file NAME PATH gives FILE('NAME') one.\n" : lines.join(""),
    );
    return "done";
  }
  if (path === undefined) {
    if (!files.delete(name)) throw new CliError(`no file is called ${name}`);
    return "done";
  }
  await stat(expandHome(path, session.env)).catch((cause: unknown) => {
    throw new CliError(`there is no file ${path}`, { cause });
  });
  files.set(name, { path, type });
  return "done";
}

/** Written beside its place and moved there when it is whole: what has the name is complete. */
async function save(path: string, stream: ReadableStream<Uint8Array>): Promise<number> {
  const part = `${path}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const sink = Bun.file(part).writer();
    let bytes = 0;
    for await (const piece of stream) {
      bytes += piece.length;
      await sink.write(piece);
    }
    await sink.end();
    const { size } = await stat(part);
    if (size !== bytes) throw new CliError(`only ${size} of ${bytes} bytes could be written`);
    await rename(part, path);
    return bytes;
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof KalamError || cause instanceof CliError) throw cause;
    throw new CliError(`${path} cannot be written`, { cause });
  }
}

async function isFolder(path: string): Promise<boolean> {
  if (path.endsWith("/")) return true;
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const PLACE = /^(?:([^.]+)\.)?([^.]+)\.([^.]+)$/;

async function download({ session, args, rest }: CommandCall): Promise<CommandOutcome> {
  const [place = "", target] = args;
  const [, namespace = session.settings.namespace, table, column] = PLACE.exec(place) ?? [];
  if (target === undefined || table === undefined || column === undefined || namespace === undefined) {
    throw new CliError("\\download takes NAMESPACE.TABLE.COLUMN, a path, and WHERE …");
  }
  const where = /\bwhere\b.*$/is.exec(rest)?.[0].replace(/;\s*$/, "") ?? "";
  const sql = `SELECT ${column} FROM ${namespace}.${table} ${where}`;
  const cancel = new AbortController();
  using _interrupt = session.terminal.onInterrupt(() => cancel.abort());
  const result = await session.client.query(sql, [], { signal: cancel.signal });
  const refs = refsOf(result);
  const path = expandHome(target, session.env);
  const intoFolder = await isFolder(path);
  if (refs.length !== 1 && !intoFolder)
    throw new CliError(`${refs.length} rows have a file: for ${path} it must be one, or ${path}/ a folder`);
  for (const ref of refs) {
    const stream = await session.client.downloadStream(`${namespace}.${table}`, ref, { signal: cancel.signal });
    const to = intoFolder ? join(path, localName(ref)) : path;
    await session.note(`${to}: ${await save(to, stream)} bytes\n`);
  }
  return "done";
}

type FileRef = NonNullable<ReturnType<typeof parseFileRef>>;

function refsOf(result: QueryResult): readonly FileRef[] {
  return result.values.flatMap(([cell = null]) => {
    const ref = parseFileRef(cell);
    return ref === null ? [] : [ref];
  });
}

/** The uploader chose the name: only its last part counts, and the id keeps two of a name apart. */
function localName({ id, name }: FileRef): string {
  const safe = basename(safeLine(name).replaceAll("\\", "_"));
  return safe === "" || safe.startsWith(".") ? `${id}-file${safe}` : `${id}-${safe}`;
}

const POLL_MS = 300;

async function exportData({ session, rest }: CommandCall): Promise<CommandOutcome> {
  const cancel = new AbortController();
  using _interrupt = session.terminal.onInterrupt(() => cancel.abort());
  const { client } = session;
  const started = await client.query("EXPORT USER DATA", [], { signal: cancel.signal });
  const jobId = /Job ID: ([\w-]+)/.exec(started.message ?? "")?.[1];
  if (jobId === undefined) throw new KalamError("BAD_RESPONSE", "the server named no job");
  await waitForExport(jobId, { session, signal: cancel.signal });
  const user = String((await client.query("SELECT current_user")).values[0]?.[0] ?? "");
  const asked = rest === "" ? "./" : expandHome(rest, session.env);
  const path = (await isFolder(asked)) ? join(asked, `${jobId}.zip`) : asked;
  const bytes = await save(path, await client.downloadExport(user, jobId, { signal: cancel.signal }));
  await session.note(`${path}: ${bytes} bytes\n`);
  return "done";
}

interface Waiting {
  readonly session: Session;
  readonly signal: AbortSignal;
}

async function waitForExport(jobId: string, { session, signal }: Waiting): Promise<void> {
  await using _spinner = new Spinner(session.terminal, { label: "exporting", isWanted: !session.settings.quiet });
  for (;;) {
    const { status, message } = await exportState(jobId, session.client, signal);
    if (status === "completed") return;
    if (status === "failed" || status === "cancelled") throw new CliError(`the export ${status}: ${safeLine(message)}`);
    await Bun.sleep(POLL_MS);
  }
}

async function exportState(
  jobId: string,
  client: KalamClient,
  signal: AbortSignal,
): Promise<{ readonly status: string; readonly message: string }> {
  const { rows } = await client.query("SHOW EXPORT", [], { signal });
  const row = rows.find((each) => each["job_id"] === jobId);
  if (row === undefined) throw new CliError(`the export ${jobId} is gone`);
  return { status: String(row["status"]), message: String(row["message"] ?? "") };
}

export const FILE_COMMANDS: readonly Command[] = [
  {
    names: ["file"],
    args: "[NAME [PATH [TYPE]]]",
    help: "The local file that FILE('NAME') uploads; without a path it is forgotten.",
    run: file,
  },
  {
    names: ["download"],
    args: "NS.TABLE.COLUMN PATH [WHERE …]",
    help: "The file of a row; with PATH/ those of all rows.",
    run: download,
  },
  { names: ["export"], args: "[PATH]", help: "All your own data as a ZIP file.", run: exportData },
];
