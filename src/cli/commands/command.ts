// What a `\` command is given, and what it can be.
import type { Outcome } from "../run-statement.ts";
import type { Session } from "../session.ts";

/** `quit` ends the client. */
export type CommandOutcome = Outcome | "quit";

export interface CommandContext {
  readonly session: Session;
  /** The unfinished statement that the command stands behind; empty: none. */
  readonly pending: string;
  readonly place: string | undefined;
  /** Runs the text of a file. */
  readonly runText: (source: string, name: string) => Promise<CommandOutcome>;
}

export interface CommandCall extends CommandContext {
  readonly name: string;
  /** Words behind the command's name, quotes taken off. */
  readonly args: readonly string[];
  /** The same as it was typed. */
  readonly rest: string;
}

export interface Command {
  /** Without the backslash; the first is the one that is shown. */
  readonly names: readonly string[];
  readonly args?: string;
  readonly help: string;
  readonly run: (call: CommandCall) => Promise<CommandOutcome> | CommandOutcome;
}

/** `chat.* 'a b' "c"` → `chat.*`, `a b`, `c`. A doubled quote is a quote. */
export function splitArgs(rest: string): readonly string[] {
  const words = rest.match(/(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s'"])+/g) ?? [];
  return words.map((word) =>
    word.replace(/'((?:[^']|'')*)'|"((?:[^"]|"")*)"/g, (_whole, single?: string, double?: string) =>
      single === undefined ? (double ?? "").replaceAll('""', '"') : single.replaceAll("''", "'"),
    ),
  );
}
