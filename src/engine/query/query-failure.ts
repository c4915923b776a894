// Anything a query can throw, as the coded failure its caller sees.
import { DbError } from "../../base/errors.ts";
import { errorFromSqlite } from "../../sql/functions/register.ts";
import type { QueryFailure } from "./messages.ts";

const SQLITE_NOMEM = 7;
const SQLITE_TOOBIG = 18;
/** Primary codes that mean the file, not the statement: IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB. */
const STORAGE_CODES: ReadonlySet<number> = new Set([10, 11, 13, 14, 15, 26]);
/** BUSY, LOCKED. */
const BUSY_CODES: ReadonlySet<number> = new Set([5, 6]);
const PRIMARY_CODE_MASK = 0xff;

/** What SQLite says of the text we rendered, not of the one that was sent. */
const ABOUT_RENDERED_TEXT =
  /^(?:no such |near "|ambiguous column name|unrecognized token|incomplete input|wrong number of arguments|misuse of )/;

export function outOfMemory(cause?: unknown): DbError {
  return new DbError("OUT_OF_MEMORY", "The query needs more memory than a query may use", {
    cause,
    hint: "Ask for fewer rows or columns, or filter before sorting and aggregating.",
  });
}

export function statementTimeout(): DbError {
  return new DbError("STATEMENT_TIMEOUT", "canceling statement due to statement timeout");
}

export function toDbError(error: unknown): DbError {
  if (error instanceof DbError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError && /out of memory/i.test(message)) return outOfMemory(error);
  const code = sqliteCode(error);
  if (code === undefined) return new DbError("INTERNAL_ERROR", message, { cause: error });
  if (code === SQLITE_NOMEM || code === SQLITE_TOOBIG) return outOfMemory(error);
  if (STORAGE_CODES.has(code)) {
    return new DbError("STORAGE_ERROR", `The data file could not be read: ${message}`, { cause: error });
  }
  if (BUSY_CODES.has(code)) return new DbError("SERVER_BUSY", `The data file is locked: ${message}`, { cause: error });
  if (message.startsWith("no such table: ")) {
    return new DbError("TABLE_NOT_FOUND", "A table of the statement was dropped while it ran", { cause: error });
  }
  if (ABOUT_RENDERED_TEXT.test(message)) return new DbError("INTERNAL_ERROR", message, { cause: error });
  return errorFromSqlite(error) ?? new DbError("SQL_EXECUTION_ERROR", message, { cause: error });
}

/** Of an error that node:sqlite raised. A function's own error passes through SQLite unchanged and has none. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & PRIMARY_CODE_MASK : undefined;
}

export function toFailure(error: unknown): QueryFailure {
  const { code, message, position, hint } = toDbError(error);
  return { code, message, position, hint };
}

export function fromFailure({ code, message, position, hint }: QueryFailure): DbError {
  return new DbError(code, message, {
    ...(position === undefined ? {} : { position }),
    ...(hint === undefined ? {} : { hint }),
  });
}
