// Errors as people read them: the code to look up, what went wrong, the place in the statement, and what to do.
import { DbError } from "../base/errors.ts";
import { KalamError } from "../link/index.ts";
import { CliError } from "./cli-error.ts";
import { colors } from "./colors.ts";
import { safeLine, safeText } from "./safe-text.ts";
import { cutToWidth, expandTabs, textWidth } from "./text-width.ts";

const SHOWN_WIDTH = 100;
const BEFORE_CARET = 60;

export interface ErrorContext {
  /** The statement that failed. */
  readonly sql?: string | undefined;
  /** `import.sql:12` */
  readonly place?: string | undefined;
  readonly hasColor: boolean;
}

export function errorText(error: unknown, { sql, place, hasColor }: ErrorContext): string {
  const { red, bold } = colors(hasColor);
  const { code, message, hint, details, position } = faultOf(error);
  const head = `${place === undefined ? "" : `${place}: `}${red(bold(code === undefined ? "ERROR" : `ERROR ${safeLine(code)}`))}: ${safeText(message)}`;
  const lines = [head];
  if (sql !== undefined && position !== undefined) lines.push(...caretLines(sql, position));
  // The server repeats the statement to administrators; whoever typed it need not read it twice.
  if (details !== undefined && details !== sql?.trim()) lines.push(`DETAIL: ${safeText(details)}`);
  if (hint !== undefined) lines.push(`HINT: ${safeText(hint)}`);
  return `${lines.join("\n")}\n`;
}

interface Fault {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: string | undefined;
  readonly position: number | undefined;
}

function faultOf(error: unknown): Fault {
  const none = { code: undefined, hint: undefined, details: undefined, position: undefined };
  if (error instanceof KalamError) {
    const { code, message, hint, details, position } = error;
    return { code, message: message.replace(ONLY_ONE, ""), hint: hint ?? ownHint(code), details, position };
  }
  if (error instanceof DbError) return { ...none, code: error.code, message: error.message, hint: error.hint };
  if (error instanceof CliError) {
    const reason = error.cause instanceof Error && error.cause.message !== "" ? `: ${error.cause.message}` : "";
    return { ...none, message: `${error.message}${reason}`, hint: error.hint };
  }
  if (error instanceof Error && error.name === "TimeoutError")
    return { ...none, code: "TIMEOUT", message: "no answer in the time that --timeout allows", hint: UNSURE };
  if (error instanceof Error && error.name === "AbortError")
    return { ...none, code: "CANCELLED", message: "cancelled", hint: UNSURE };
  return { ...none, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The server counts the statements of a request; here one is one. */
const ONLY_ONE = /^Statement 1 failed: /;
const UNSURE = "The server stops a statement whose client has left; a write that was already committed stays.";

function ownHint(code: string): string | undefined {
  if (code === "NETWORK_ERROR") return "Is the server running, and is this its address?";
  if (code === "UNAUTHORIZED") return "Check the user and the password; --password asks for it again.";
  return undefined;
}

/** The line of the statement where it went wrong, with a caret below; of a long line the part around it. */
function caretLines(sql: string, position: number): string[] {
  const at = Math.min(Math.max(0, position), sql.length);
  const lineStart = sql.lastIndexOf("\n", at - 1) + 1;
  const lineEnd = sql.indexOf("\n", at);
  const line = sql.slice(lineStart, lineEnd === -1 ? sql.length : lineEnd).replace(/\r$/, "");
  const number = sql.slice(0, lineStart).split("\n").length;
  const label = `LINE ${number}: `;
  const before = shown(line.slice(0, at - lineStart));
  const cut = textWidth(before) > BEFORE_CARET ? `…${before.slice(-BEFORE_CARET)}` : before;
  const after = cutToWidth(shown(line.slice(at - lineStart)), Math.max(1, SHOWN_WIDTH - textWidth(cut)));
  return [`${label}${cut}${after}`, `${" ".repeat(label.length + textWidth(cut))}^`];
}

function shown(text: string): string {
  return safeText(expandTabs(text));
}
