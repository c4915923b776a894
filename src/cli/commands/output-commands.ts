// How results look and where they go.
import { CliError } from "../cli-error.ts";
import { expandHome } from "../paths.ts";
import { EXPANSIONS, FORMATS } from "../preferences.ts";
import type { Command, CommandCall, CommandOutcome } from "./command.ts";

/** `on` and `off`; without a word the other one. */
function switched(word: string | undefined, isOn: boolean): boolean {
  if (word === undefined) return !isOn;
  if (word === "on" || word === "off") return word === "on";
  throw new CliError(`it is on or off, not ${JSON.stringify(word)}`);
}

async function timing({ session, args }: CommandCall): Promise<CommandOutcome> {
  session.settings.timing = switched(args[0], session.settings.timing);
  await session.note(`Timing is ${session.settings.timing ? "on" : "off"}.\n`);
  return "done";
}

async function expanded({ session, args }: CommandCall): Promise<CommandOutcome> {
  const word = args[0] ?? (session.settings.expanded === "off" ? "on" : "off");
  const found = EXPANSIONS.find((one) => one === word);
  if (found === undefined) throw new CliError(`it is on, off or auto, not ${JSON.stringify(word)}`);
  session.settings.expanded = found;
  await session.note(`Expanded display is ${found}.\n`);
  return "done";
}

async function format({ session, args }: CommandCall): Promise<CommandOutcome> {
  const [word] = args;
  const found = FORMATS.find((one) => one === word);
  if (word !== undefined && found === undefined)
    throw new CliError(`a format is table, json or csv, not ${JSON.stringify(word)}`);
  session.settings.format = found ?? session.settings.format;
  await session.note(`Output format is ${session.settings.format}.\n`);
  return "done";
}

async function pager({ session, args, rest }: CommandCall): Promise<CommandOutcome> {
  const { settings } = session;
  const [word] = args;
  if (word === undefined || word === "on" || word === "off") settings.isPaging = switched(word, settings.isPaging);
  else {
    settings.pager = rest;
    settings.isPaging = true;
  }
  await session.note(settings.isPaging ? `Long results go through ${settings.pager}.\n` : "Pager is off.\n");
  return "done";
}

async function nullText({ session, args }: CommandCall): Promise<CommandOutcome> {
  session.settings.nullText = args[0] ?? "NULL";
  await session.note(`NULL is shown as "${session.settings.nullText}".\n`);
  return "done";
}

function outputFile({ session, rest }: CommandCall): CommandOutcome {
  if (rest === "") session.output.toTerminal();
  else session.output.toFile(expandHome(rest, session.env));
  return "done";
}

async function echo({ session, rest }: CommandCall): Promise<CommandOutcome> {
  await session.output.write(`${rest}\n`);
  return "done";
}

export const OUTPUT_COMMANDS: readonly Command[] = [
  {
    names: ["x"],
    args: "[on|off|auto]",
    help: "A line for each column; auto: where a table is too wide.",
    run: expanded,
  },
  { names: ["format"], args: "[table|json|csv]", help: "How results are printed.", run: format },
  { names: ["timing"], args: "[on|off]", help: "How long each statement took.", run: timing },
  { names: ["pager"], args: "[on|off|COMMAND]", help: "What shows long results.", run: pager },
  { names: ["null"], args: "[TEXT]", help: "What stands for NULL in tables.", run: nullText },
  { names: ["o"], args: "[FILE]", help: "Results to a file; without one to the terminal again.", run: outputFile },
  { names: ["echo", "qecho"], args: "[TEXT]", help: "Print it among the results.", run: echo },
];
