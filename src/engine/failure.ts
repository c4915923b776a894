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

/** Keeps code, position and hint; the message names the statement. A bug of ours passes through and is reported as one. */
export function failure(
  error: unknown,
  runnable: Runnable,
  at: { readonly index: number; readonly isBatch: boolean },
): unknown {
  if (error instanceof StatementFailure || !(error instanceof DbError)) return error;
  const position = error.position === undefined ? {} : { position: error.position + runnable.offset };
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
