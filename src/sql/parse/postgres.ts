// The one door to libpg-query, PostgreSQL's own parser as WebAssembly: it checks what the module cannot bear and words its errors.
// The module counts code points in errors, which are turned into UTF-16 offsets here, and bytes in syntax trees, which stay.
import { hasSqlDetails, loadModule, type Node, parseSync } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { utf16OfCodePoint } from "./locations.ts";
import type { BatchPart } from "./split-batch.ts";
import { tokenAt } from "./tokens.ts";

/** JSON levels of a syntax tree (an operator makes two); everything behind the parser may walk a tree recursively. */
export const MAX_TREE_DEPTH = 1_000;
/** A token adds fewer than eight levels, so shorter chains need no look. */
const SHALLOW_CHAIN_TOKENS = MAX_TREE_DEPTH / 8;

export interface Postgres {
  /** Parses one statement. Locations in the tree count the bytes of `part.text` in UTF-8. */
  readonly parse: (part: Pick<BatchPart, "text" | "chainTokens">) => Node;
}

/** The only place that loads the module: a build that embeds the `.wasm` hooks in here. */
export async function loadPostgres(): Promise<Postgres> {
  await loadModule();
  return { parse };
}

function parse({ text, chainTokens }: Pick<BatchPart, "text" | "chainTokens">): Node {
  assertText(text);
  const source = blankEmptyCalls(text);
  const statements = parseText(source);
  const [first] = statements;
  // The splitter and PostgreSQL must agree on where a statement ends; if they ever do not, nothing may run.
  if (first === undefined || statements.length > 1) {
    throw new DbError("BATCH_PARSE_ERROR", `expected one statement, found ${statements.length}`);
  }
  if (chainTokens > SHALLOW_CHAIN_TOKENS) assertShallow(first);
  return first;
}

function assertText(text: string): void {
  // The module takes C strings: it would stop reading at a NUL and call the rest parsed.
  const nul = text.indexOf("\u0000");
  if (nul !== -1) throw new DbError("INVALID_SQL", "statement contains a NUL character", { position: nul });
  if (!text.isWellFormed()) throw new DbError("INVALID_SQL", "statement is not well-formed Unicode text");
}

function parseText(text: string): Node[] {
  try {
    return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]));
  } catch (cause) {
    if (!hasSqlDetails(cause)) throw cause;
    const position = utf16OfCodePoint(text, cause.sqlDetails?.cursorPosition ?? 0);
    throw new DbError("INVALID_SQL", cause.message, { position, cause });
  }
}

const EMPTY_CALL_WORDS = ["CURRENT_USER", "CURRENT_ROLE", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"];
const MAY_HAVE_EMPTY_CALL = /\bcurrent_(?:user|role|timestamp|date|time)[ \t\n\r\f\v]*\(/i;
/** Long enough for any brackets a person writes; it keeps the search linear. */
const MAX_BRACKETS_LENGTH = 32;
const EMPTY_BRACKETS = /^[ \t\n\r\f\v]*\([ \t\n\r\f\v]*\)/;

/** `CURRENT_USER()` is accepted for `CURRENT_USER`; PostgreSQL has these words without brackets only. Positions stay as they are. */
function blankEmptyCalls(text: string): string {
  if (!MAY_HAVE_EMPTY_CALL.test(text)) return text;
  let result = "";
  let copied = 0;
  for (let token = tokenAt(text, 0); token.kind !== "end"; token = tokenAt(text, token.end)) {
    if (token.kind !== "word" || !EMPTY_CALL_WORDS.includes(token.text.toUpperCase())) continue;
    const [brackets = ""] = EMPTY_BRACKETS.exec(text.slice(token.end, token.end + MAX_BRACKETS_LENGTH)) ?? [];
    result += text.slice(copied, token.end) + " ".repeat(brackets.length);
    copied = token.end + brackets.length;
  }
  return result + text.slice(copied);
}

/** Trees are walked recursively behind the parser, so no deeper one may leave it. */
function assertShallow(root: Node): void {
  const open: { readonly value: object; readonly depth: number }[] = [{ value: root, depth: 1 }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { value, depth } = item;
    if (depth > MAX_TREE_DEPTH) throw new DbError("INVALID_SQL", "statement is nested too deeply");
    for (const child of Object.values<unknown>({ ...value })) {
      if (typeof child === "object" && child !== null) open.push({ value: child, depth: depth + 1 });
    }
  }
}
