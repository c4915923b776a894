// Statements beyond typing them: again, from a file, in an editor, every few seconds, as a live query.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { expandHome } from "../paths.ts";
import { type Outcome, runStatement } from "../run-statement.ts";
import type { Command, CommandCall, CommandOutcome } from "./command.ts";

function statementOf({ pending, session }: CommandCall): string {
  const statement = pending === "" ? session.lastStatement : pending;
  if (statement !== undefined) return statement;
  throw new CliError("there is no statement yet");
}

function run(call: CommandCall, isExpanded: boolean): Promise<Outcome> {
  return runStatement(statementOf(call), call.session, { place: call.place, isExpanded });
}

async function include({ rest, session, runText }: CommandCall): Promise<CommandOutcome> {
  if (rest === "") throw new CliError("\\i takes the name of a file");
  const path = expandHome(rest, session.env);
  const source = await Bun.file(path)
    .text()
    .catch((cause: unknown) => {
      throw new CliError(`the file ${rest} cannot be read`, { cause });
    });
  return runText(source, rest);
}

async function print(call: CommandCall): Promise<CommandOutcome> {
  await call.session.output.write(`${statementOf(call)}\n`);
  return "done";
}

async function writeFile(call: CommandCall): Promise<CommandOutcome> {
  if (call.rest === "") throw new CliError("\\w takes the name of a file");
  await Bun.write(expandHome(call.rest, call.session.env), `${statementOf(call)}\n`).catch((cause: unknown) => {
    throw new CliError(`the file ${call.rest} cannot be written`, { cause });
  });
  return "done";
}

/** The text comes back to the prompt, where Enter runs it. */
async function edit({ pending, session, args }: CommandCall): Promise<CommandOutcome> {
  if (!session.isInteractive) throw new CliError("\\e needs a terminal");
  const editor = session.env["VISUAL"] ?? session.env["EDITOR"] ?? "vi";
  const [path] = args;
  const folder = await mkdtemp(join(tmpdir(), "kalam-"));
  const file = path === undefined ? join(folder, "statement.sql") : expandHome(path, session.env);
  try {
    if (path === undefined) await Bun.write(file, `${pending === "" ? (session.lastStatement ?? "") : pending}\n`);
    using _ignored = session.terminal.onInterrupt(() => undefined);
    const child = Bun.spawn(["/bin/sh", "-c", `${editor} "$1"`, "sh", file], {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      env: { ...session.env },
    });
    if ((await child.exited) !== 0) throw new CliError(`${editor} ended with an error`);
    session.nextInput = (await Bun.file(file).text()).trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return "done";
}

const MAX_WATCH_S = 86_400;

/** Again and again until Ctrl-C or a failure. */
async function watch(call: CommandCall): Promise<CommandOutcome> {
  const { session, args } = call;
  const seconds = Number(args[0] ?? 2);
  if (!(seconds > 0 && seconds <= MAX_WATCH_S))
    throw new CliError(`\\watch takes seconds, not ${JSON.stringify(args[0])}`);
  const statement = statementOf(call);
  const stopped = Promise.withResolvers<"stopped">();
  using _interrupt = session.terminal.onInterrupt(() => stopped.resolve("stopped"));
  for (;;) {
    await session.note(`${new Date().toLocaleString("sv")} (every ${seconds} s)\n`);
    const outcome = await runStatement(statement, session);
    if (outcome !== "done") return outcome;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waited = new Promise<"waited">((resolve) => {
      timer = setTimeout(() => resolve("waited"), seconds * 1000);
    });
    const next = await Promise.race([waited, stopped.promise]);
    clearTimeout(timer);
    if (next === "stopped") return "done";
  }
}

function subscribe({ session, rest, place }: CommandCall): Promise<Outcome> {
  if (rest === "") throw new CliError("\\subscribe takes a table or a SELECT");
  return runStatement(`SUBSCRIBE TO ${rest.replace(/;\s*$/, "")}`, session, { place });
}

export const STATEMENT_COMMANDS: readonly Command[] = [
  {
    names: ["g"],
    help: "Run what was typed, or the last statement again.",
    run: (call) => run(call, false),
  },
  { names: ["gx"], help: "The same with a line for each column.", run: (call) => run(call, true) },
  { names: ["p", "print"], help: "Show the statement.", run: print },
  { names: ["r", "reset"], help: "Forget what was typed.", run: () => "done" },
  { names: ["e", "edit"], args: "[FILE]", help: "The statement in $VISUAL or $EDITOR.", run: edit },
  { names: ["w", "write"], args: "FILE", help: "The statement to a file.", run: writeFile },
  { names: ["i", "include"], args: "FILE", help: "Run the statements of a file.", run: include },
  { names: ["watch"], args: "[SECONDS]", help: "Run it every few seconds until Ctrl-C.", run: watch },
  {
    names: ["subscribe", "live"],
    args: "{TABLE|SELECT …}",
    help: "A live query, as SUBSCRIBE TO; space pauses, Ctrl-C ends.",
    run: subscribe,
  },
];
