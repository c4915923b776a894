// Statements and `\` commands that come as text: of `-c`, of a file, of standard input. The first failure ends it, unless told to go on.
import { CliError, EXIT, type ExitCode } from "./cli-error.ts";
import { runCommand } from "./commands/run-command.ts";
import { Interruption } from "./interruption.ts";
import { type Outcome, runStatement } from "./run-statement.ts";
import { safeLine } from "./safe-text.ts";
import type { Session } from "./session.ts";
import { type InputPart, isBlank, splitInput } from "./sql-lexer.ts";

export interface ScriptOptions {
  /** For messages: the name of the file. */
  readonly name: string | undefined;
  readonly keepGoing: boolean;
}

export interface ScriptEnd {
  readonly exitCode: ExitCode;
  /** `\q`: nothing after it is wanted. */
  readonly isQuit: boolean;
  /** By Ctrl-C; the user was told how far it came. */
  readonly isStopped: boolean;
}

const CODES: Readonly<Record<Outcome, ExitCode>> = {
  done: EXIT.ok,
  failed: EXIT.statementFailed,
  cancelled: EXIT.cancelled,
  stopped: EXIT.cancelled,
  disconnected: EXIT.noConnection,
  refused: EXIT.failed,
};

export async function runScript(source: string, session: Session, options: ScriptOptions): Promise<ScriptEnd> {
  const text = source.startsWith("\ufeff") ? source.slice(1) : source;
  const { parts, rest, restStart } = splitInput(text);
  const places = new Places(text, options.name);
  let exitCode: ExitCode = EXIT.ok;
  const end = (more: Partial<ScriptEnd> = {}): ScriptEnd => ({ exitCode, isQuit: false, isStopped: false, ...more });
  using interruption = new Interruption(session.terminal);
  for (const part of withRest(parts, { rest, restStart })) {
    const outcome = await runNext(part, { session, place: places.at(part.start), interruption });
    if (outcome === "quit") return end({ isQuit: true });
    if (outcome === "stopped") return end({ exitCode: EXIT.cancelled, isStopped: true });
    if (outcome === "done") continue;
    exitCode = CODES[outcome];
    if (!options.keepGoing || outcome !== "failed") return end();
  }
  if (session.transaction === undefined || session.isInteractive) return end();
  session.transaction = undefined;
  await session.fail(new CliError("BEGIN without COMMIT: nothing of the transaction was sent"));
  return end({ exitCode: EXIT.statementFailed });
}

interface Running {
  readonly session: Session;
  readonly place: string | undefined;
  readonly interruption: Interruption;
}

async function runNext(part: InputPart, { session, place, interruption }: Running): Promise<Outcome | "quit"> {
  const outcome = await runPart(part, session, place);
  if (outcome === "done" && session.transaction === undefined) session.lastDone = { text: part.text, place };
  if (outcome === "quit" || outcome === "stopped") return outcome;
  if (outcome !== "cancelled" && !interruption.came) return outcome;
  await tellStopped(session);
  return "stopped";
}

const SHOWN_CHARACTERS = 60;

/** So that a script that writes can be gone on with. */
async function tellStopped({ terminal, lastDone, transaction }: Session): Promise<void> {
  const open = transaction === undefined ? "" : "nothing of the open transaction was sent; ";
  if (lastDone === undefined) return terminal.writeError(`Stopped: ${open}no statement was done.\n`);
  const { text, place } = lastDone;
  const start = safeLine(text.replaceAll(/\s+/g, " ").slice(0, SHOWN_CHARACTERS + 1));
  const shown = start.length > SHOWN_CHARACTERS ? `${start.slice(0, SHOWN_CHARACTERS)}…` : start;
  const where = place === undefined ? "" : `${place}: `;
  await terminal.writeError(`Stopped: ${open}the last statement done is ${where}${shown}\n`);
}

/** The last statement may lack its `;`. */
function withRest(
  parts: readonly InputPart[],
  { rest, restStart }: { readonly rest: string; readonly restStart: number },
): readonly InputPart[] {
  if (isBlank(rest)) return parts;
  const lead = rest.length - rest.trimStart().length;
  return [...parts, { kind: "statement", text: rest.trim(), start: restStart + lead }];
}

/** A statement or a command. */
export function runPart(part: InputPart, session: Session, place: string | undefined): Promise<Outcome | "quit"> {
  if (part.kind === "statement") return runStatement(part.text, session, { place });
  return runCommand(part.text, {
    session,
    pending: part.pending,
    place,
    runText: async (source, name) => outcomeOf(await runScript(source, session, { name, keepGoing: false })),
  });
}

/** Of a file within a file. */
function outcomeOf({ exitCode, isQuit, isStopped }: ScriptEnd): Outcome | "quit" {
  if (isQuit) return "quit";
  if (isStopped) return "stopped";
  const outcome = OUTCOMES.find((each) => CODES[each] === exitCode);
  return outcome ?? "failed";
}

const OUTCOMES: readonly Outcome[] = ["done", "failed", "disconnected", "refused"];

/** Offsets come in rising order: lines are counted once. */
class Places {
  readonly #text: string;
  readonly #name: string | undefined;
  #line = 1;
  #counted = 0;

  constructor(text: string, name: string | undefined) {
    this.#text = text;
    this.#name = name;
  }

  at(offset: number): string | undefined {
    if (this.#name === undefined) return undefined;
    for (; this.#counted < offset; this.#counted++) if (this.#text.charCodeAt(this.#counted) === 10) this.#line += 1;
    return `${this.#name}:${this.#line}`;
  }
}
