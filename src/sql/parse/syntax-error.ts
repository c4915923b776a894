// Errors about the text itself, worded as PostgreSQL words them, and the moving of their positions from a part to the whole.
import { DbError } from "../../base/errors.ts";

/** `found` is the token's own text; empty at the end of the statement. */
export function syntaxError(found: string, position: number): DbError {
  const where = found === "" ? "at end of input" : `at or near "${found}"`;
  return new DbError("INVALID_SQL", `syntax error ${where}`, { position });
}

/** `suggestion` follows the message: ` (did you mean "x"?)`. */
export function unsupported(what: string, position?: number, suggestion = ""): DbError {
  const details = position === undefined ? {} : { position };
  return new DbError("UNSUPPORTED", `${what} is not supported${suggestion}`, details);
}

/** Runs work on a part that starts at `offset` of a larger text: an error's position is given in the larger text. */
export function withOffset<T>(offset: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DbError) || error.position === undefined || offset === 0) throw error;
    throw new DbError(error.code, error.message, {
      position: Math.max(0, error.position + offset),
      ...(error.cause === undefined ? {} : { cause: error.cause }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
