import { DbError } from "../base/errors.ts";
import type { Runnable } from "./prepare.ts";

/** A statement that failed, with its place in the request. What ran before it stays. */
export class StatementFailure extends Error {
  override readonly name = "StatementFailure";
  readonly error: DbError;
  readonly statementText: string;

  constructor(error: DbError, statementText: string) {
    super(error.message, { cause: error });
    this.error = error;
    this.statementText = statementText;
  }
}

/** What failed, as far as an error tells of it. */
type Failing = Omit<Extract<Runnable, { kind: "data" }>, "plan"> | Extract<Runnable, { kind: "statement" }>;

/** Keeps code, position and hint; the message names the statement. A bug of ours passes through and is reported as one. */
export function failure(
  error: unknown,
  runnable: Failing,
  at: { readonly index: number; readonly isBatch: boolean },
): unknown {
  if (error instanceof StatementFailure || !(error instanceof DbError)) return error;
  const start = runnable.offset + innerOffset(runnable);
  const position = error.position === undefined ? {} : { position: error.position + start };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  // A lone statement that does not even parse never ran: PostgreSQL's text stands alone.
  const prefix = error.code === "INVALID_SQL" && !at.isBatch ? "" : `Statement ${at.index + 1} failed: `;
  const named = new DbError(error.code, `${prefix}${error.message}`, {
    cause: error,
    ...position,
    ...hint,
  });
  return new StatementFailure(named, runnable.text);
}

/** Where the statement inside it begins, which is its end. What has a position is about that one. */
function innerOffset(runnable: Failing): number {
  if (runnable.kind !== "statement") return 0;
  const { statement, text } = runnable;
  switch (statement.kind) {
    case "explain":
    case "executeAs":
      return Math.max(0, text.lastIndexOf(statement.innerText));
    case "createView":
      return Math.max(0, text.lastIndexOf(statement.selectText));
    default:
      return 0;
  }
}
