// Long results in the user's pager. It gets the terminal for itself: no key is read and Ctrl-C is its own until it ends.
import type { Environment } from "./paths.ts";
import type { Terminal } from "./terminal.ts";

/** Quit when it fits, colours as they are, long lines to the side, leave the text on the screen. What the user has set counts instead. */
const LESS = "-FRSX";

export interface PagedText {
  readonly text: string;
  readonly command: string;
  readonly env: Environment;
}

export function needsPager(text: string, terminal: Pick<Terminal, "columns" | "rows">): boolean {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines >= terminal.rows) return true;
  }
  return Bun.stringWidth(text.slice(0, text.indexOf("\n"))) > terminal.columns;
}

/** False: there is no such pager, the text is still to be shown. */
export async function page({ text, command, env }: PagedText, terminal: Terminal): Promise<boolean> {
  using _ignored = terminal.onInterrupt(() => undefined);
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    stdin: "pipe",
    stdout: "inherit",
    stderr: "inherit",
    env: { LESS, ...env },
  });
  try {
    await child.stdin.write(text);
    await child.stdin.end();
  } catch {
    // Whoever quits the pager has seen enough.
  }
  return (await child.exited) !== NOT_FOUND;
}

const NOT_FOUND = 127;
