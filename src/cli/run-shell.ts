// The interactive client: prompt, statement, answer, prompt. Ctrl-C gives up what is typed or runs, Ctrl-D ends.
import { VERSION } from "../base/version.ts";
import { isAdmin, ROLES } from "../model/role.ts";
import { CatalogCache } from "./catalog.ts";
import { EXIT, type ExitCode } from "./cli-error.ts";
import { COMMAND_NAMES } from "./commands/run-command.ts";
import { type Identity, identity } from "./commands/session-commands.ts";
import { completionOf } from "./completion.ts";
import { History } from "./history.ts";
import { Interruption } from "./interruption.ts";
import { LineReader, type Prompts } from "./line-reader.ts";
import { runPart } from "./run-script.ts";
import { outcomeOfError } from "./run-statement.ts";
import type { Session } from "./session.ts";
import { signInAndSave } from "./sign-in.ts";
import { splitInput } from "./sql-lexer.ts";

/** What people type who know another shell. No statement is one of these words. */
const QUIT = /^\s*(?:quit|exit)\s*;?\s*$/i;

export interface ShellOptions {
  readonly historyFile: string;
  readonly historySize: number;
}

export async function runShell(session: Session, { historyFile, historySize }: ShellOptions): Promise<ExitCode> {
  const { terminal } = session;
  const { user, role, version } = await greeted(session);
  await session.note(
    `kalam ${VERSION}, connected to ${session.url} as ${user} (${role}).\n${version}. \\? lists the commands, \\q ends.\n`,
  );
  const history = new History({
    path: historyFile,
    size: historySize,
    warn: (text) => void terminal.writeError(`${text}\n`),
  });
  const catalog = new CatalogCache(session);
  const reader = new LineReader({
    terminal,
    context: () => ({ history: history.entries, isComplete }),
    complete: async (text, cursor) =>
      completionOf({
        text,
        cursor,
        catalog: await catalog.read(),
        namespace: session.settings.namespace,
        commands: COMMAND_NAMES,
      }),
  });
  for (;;) {
    const initial = session.nextInput ?? "";
    session.nextInput = undefined;
    const line = await reader.read(promptsOf(session, isPowerful(role)), initial);
    if (line.kind === "end") break;
    if (line.kind === "interrupt") continue;
    history.add(line.text);
    if (QUIT.test(line.text) || (await runInput(line.text, session)) === "quit") break;
  }
  if (session.transaction !== undefined) await session.note("The open transaction was not sent.\n");
  return EXIT.ok;
}

/** A saved login that has ended is asked for again. */
async function greeted(session: Session): Promise<Identity> {
  try {
    return await identity(session);
  } catch (error) {
    const saved = session.isSaved ? session.logins.read(session.url) : undefined;
    if (saved === undefined || outcomeOfError(error) !== "refused") throw error;
    await session.terminal.writeError("The saved login has ended.\n");
    session.signInAs(await signInAndSave(saved.user, session));
    return identity(session);
  }
}

function isPowerful(role: string): boolean {
  const known = ROLES.find((each) => each === role);
  return known !== undefined && isAdmin(known);
}

/** A failure does not keep what was typed behind it from running, as in psql; Ctrl-C does. */
async function runInput(text: string, session: Session): Promise<"quit" | "done"> {
  const { parts, rest } = splitInput(text);
  using interruption = new Interruption(session.terminal);
  session.lastDone = undefined;
  for (const part of parts) {
    const outcome = await runPart(part, session, undefined);
    if (outcome === "quit") return "quit";
    if (outcome === "cancelled" || outcome === "stopped" || interruption.came) return "done";
  }
  if (rest.trim() !== "") session.nextInput ??= rest.trim();
  return "done";
}

/** A command ends the text also where its statement is to go on: the rest comes back to the prompt. */
export function isComplete(text: string): boolean {
  const { parts, openIn } = splitInput(text);
  const last = parts.at(-1);
  return (
    openIn === "nothing" ||
    QUIT.test(text) ||
    (last?.kind === "command" && !text.slice(last.start).trimEnd().includes("\n"))
  );
}

function promptsOf(session: Session, hasPower: boolean): Prompts {
  const name = session.settings.namespace ?? "kalam";
  const open = session.transaction === undefined ? "" : "*";
  const sign = hasPower ? "#" : ">";
  const prompt = (state: string): string => `${name}${state}${open}${sign} `;
  return {
    first: prompt("="),
    further: prompt("-"),
    last: (text) => {
      const { openIn } = splitInput(text);
      return prompt(openIn === "nothing" || openIn === "statement" ? "-" : openIn === "/*" ? "*" : openIn);
    },
  };
}
