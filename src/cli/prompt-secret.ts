// Questions to the user outside of the statement line: a password, which nobody shall see, and plain lines.
import { CliError } from "./cli-error.ts";
import type { Key, Terminal } from "./terminal.ts";

const MAX_LENGTH = 4_096;

/** Reads a line without showing it. Ctrl-C and Ctrl-D give up. */
export function promptSecret(question: string, terminal: Terminal): Promise<string> {
  return readAnswer(question, terminal, false);
}

export function promptLine(question: string, terminal: Terminal): Promise<string> {
  return readAnswer(question, terminal, true);
}

async function readAnswer(question: string, terminal: Terminal, isShown: boolean): Promise<string> {
  await terminal.writeError(question);
  const answer = await new Promise<string | undefined>((resolve) => {
    let text = "";
    const keys = terminal.readKeys((key) => {
      const next = answerAfter(text, key);
      if (next.isDone) {
        keys[Symbol.dispose]();
        resolve(next.text);
        return;
      }
      if (isShown) void terminal.writeError(echo(text, next.text ?? ""));
      text = next.text ?? "";
    });
  });
  await terminal.writeError("\n");
  if (answer === undefined) throw new CliError("cancelled");
  return answer;
}

function echo(before: string, after: string): string {
  if (after.startsWith(before)) return after.slice(before.length);
  return "\b \b".repeat(Bun.stringWidth(before) - Bun.stringWidth(after));
}

interface Answer {
  /** Undefined: given up. */
  readonly text: string | undefined;
  readonly isDone: boolean;
}

function answerAfter(text: string, key: Key): Answer {
  if (key.name === "return" || key.name === "enter") return { text, isDone: true };
  if (key.ctrl && (key.name === "c" || key.name === "d")) return { text: undefined, isDone: true };
  if (key.name === "backspace") return { text: Array.from(text).slice(0, -1).join(""), isDone: false };
  if (key.ctrl && key.name === "u") return { text: "", isDone: false };
  const isText = key.text !== undefined && !key.ctrl && !key.meta && key.text >= " ";
  return { text: isText && text.length < MAX_LENGTH ? text + key.text : text, isDone: false };
}
