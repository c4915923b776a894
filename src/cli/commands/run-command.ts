// The one table of `\` commands: looked up here, listed by `\?`, completed from here.
import { suggestion } from "../../base/closest.ts";
import { CliError } from "../cli-error.ts";
import { isTold, outcomeOfError } from "../run-statement.ts";
import { CATALOG_COMMANDS } from "./catalog-commands.ts";
import { type Command, type CommandContext, type CommandOutcome, splitArgs } from "./command.ts";
import { FILE_COMMANDS } from "./file-commands.ts";
import { OUTPUT_COMMANDS } from "./output-commands.ts";
import { SESSION_COMMANDS } from "./session-commands.ts";
import { STATEMENT_COMMANDS } from "./statement-commands.ts";

const HELP: Command = {
  names: ["?", "help", "h"],
  help: "This list. What SQL there is: specs/sql.md.",
  run: async ({ session }): Promise<CommandOutcome> => {
    await session.show(helpText());
    return "done";
  },
};

const GROUPS: readonly (readonly [string, readonly Command[]])[] = [
  ["Session", [HELP, ...SESSION_COMMANDS]],
  ["Statements", STATEMENT_COMMANDS],
  ["What there is", CATALOG_COMMANDS],
  ["Output", OUTPUT_COMMANDS],
  ["Files", FILE_COMMANDS],
];

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  GROUPS.flatMap(([, commands]) =>
    commands.flatMap((command) => command.names.map((name) => [name, command] as const)),
  ),
);

/** With their backslash. */
export const COMMAND_NAMES: readonly string[] = [...COMMANDS.keys()].map((name) => `\\${name}`);

const LEFT_WIDTH = 34;

export function helpText(): string {
  const groups = GROUPS.map(([title, commands]) => {
    const lines = commands.map(({ names, args, help }) => {
      const left = `\\${names[0] ?? ""}${args === undefined ? "" : ` ${args}`}`;
      return `  ${left.padEnd(LEFT_WIDTH)} ${help}\n`;
    });
    return `${title}\n${lines.join("")}`;
  });
  return groups.join("\n");
}

/** `\dt+ x` and `\!ls` read as people type them. */
const SHAPE = /^\\([a-zA-Z]+|[?!])\s*(.*)$/s;

/** Tells of its failure itself, as statements do. */
export async function runCommand(text: string, context: CommandContext): Promise<CommandOutcome> {
  const { session, place } = context;
  try {
    const [, name = "", rest = ""] = SHAPE.exec(text) ?? [];
    const command = COMMANDS.get(name);
    if (command === undefined) {
      throw new CliError(
        `there is no command ${text.split(/\s/)[0] ?? text}${suggestion(`\\${name}`, COMMAND_NAMES)}`,
        {
          hint: "\\? lists them.",
        },
      );
    }
    return await command.run({ ...context, name, rest: rest.trim(), args: splitArgs(rest) });
  } catch (error) {
    if (!isTold(error)) throw error;
    await session.fail(error, { place });
    if (error instanceof Error && error.name === "AbortError") return "cancelled";
    return outcomeOfError(error);
  }
}
