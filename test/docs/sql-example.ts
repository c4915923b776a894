// SQL text with its answers in comments, as in specs/sql.md and the *.sql tables of test/e2e: every statement ends its line with `;`, and below it stand
//   -- => [1, "a"]           a row, in the wire's encoding; one line each. A bare … stands for anything, at the end of an array for the rest of it
//   -- => (no rows)
//   -- => "Inserted 1 row(s)"  the message of a statement without rows, to its first …
//   -- error: CODE text      it fails with this code, and the text is in the message
import type { SqlReply, SqlResult } from "../support/test-server.ts";

export interface SqlExample {
  /** The comment above the statement. */
  readonly why: string;
  readonly sql: string;
  readonly line: number;
  readonly rows: readonly unknown[] | undefined;
  readonly message: string | undefined;
  readonly error: { readonly code: string; readonly text: string } | undefined;
}

interface Draft {
  readonly why: string[];
  readonly sql: string[];
  readonly answers: string[];
  readonly line: number;
}

const ANYTHING = "…";
const NO_ROWS = "(no rows)";

export function parseExamples(text: string): SqlExample[] {
  const drafts: Draft[] = [];
  let draft: Draft = { why: [], sql: [], answers: [], line: 1 };
  let isOpen = false;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const answer = /^-- (=> .*|error: .*)$/.exec(line)?.[1];
    if (answer !== undefined) {
      if (isOpen || drafts.length === 0) throw new Error(`line ${index + 1}: an answer without a statement`);
      drafts.at(-1)?.answers.push(answer);
      continue;
    }
    if (!isOpen && line.startsWith("-- ")) {
      draft.why.push(line.slice("-- ".length));
      continue;
    }
    if (!isOpen) draft = { ...draft, line: index + 1 };
    draft.sql.push(line);
    isOpen = !line.endsWith(";");
    if (isOpen) continue;
    drafts.push(draft);
    draft = { why: [], sql: [], answers: [], line: 1 };
  }
  if (isOpen) throw new Error(`line ${draft.line}: a statement that does not end`);
  return drafts.map(toExample);
}

function toExample({ why, sql, answers, line }: Draft): SqlExample {
  const [first = ""] = answers;
  const failure = /^error: (\w+) ?(.*)$/.exec(first);
  const values = failure ? [] : answers.map((answer) => parseAnswer(answer.slice("=> ".length)));
  const message = values.find((value): value is string => typeof value === "string" && value !== NO_ROWS);
  return {
    why: why.join(" "),
    sql: sql.join("\n"),
    line,
    rows: values.length === 0 || message !== undefined ? undefined : values.filter((value) => value !== NO_ROWS),
    message,
    error: failure ? { code: failure[1] ?? "", text: failure[2] ?? "" } : undefined,
  };
}

function parseAnswer(text: string): unknown {
  if (text === NO_ROWS) return NO_ROWS;
  return JSON.parse(text.replaceAll(/(?<=[[,]\s*)…(?=\s*[,\]])/g, `"${ANYTHING}"`));
}

/** What is wrong with a statement's result, or undefined. */
export function difference(example: SqlExample, result: SqlResult | undefined): string | undefined {
  if (result === undefined) return `no result for ${example.sql}`;
  if (example.message !== undefined) {
    const beginning = example.message.split(ANYTHING)[0] ?? "";
    return result.message?.startsWith(beginning) === true ? undefined : `message ${JSON.stringify(result.message)}`;
  }
  if (example.rows === undefined || isLike(example.rows, result.rows)) return undefined;
  return `${example.sql}\ngives\n${(result.rows ?? []).map((row) => `-- => ${JSON.stringify(row)}`).join("\n")}`;
}

/** What is wrong with a request's failure, or undefined. */
export function failureDifference(example: SqlExample, reply: SqlReply): string | undefined {
  const { code, text } = example.error ?? { code: "", text: "" };
  const { error } = reply;
  const isSame = error != null && [error.code, error.reason].includes(code) && error.message.includes(text);
  return isSame ? undefined : `${example.sql}\ngives ${JSON.stringify(error ?? reply.results)}`;
}

function isLike(expected: unknown, actual: unknown): boolean {
  if (expected === ANYTHING) return true;
  if (!Array.isArray(expected) || !Array.isArray(actual)) return Object.is(expected, actual);
  const isOpen = expected.at(-1) === ANYTHING;
  if (isOpen ? actual.length < expected.length - 1 : actual.length !== expected.length) return false;
  return expected.every((item, index) => (isOpen && index === expected.length - 1) || isLike(item, actual[index]));
}
