// What SQLite and the file system say when the disk, not the caller, is at fault.
import { errorCode } from "../../base/error-code.ts";
import { DbError } from "../../base/errors.ts";

const FULL = /^(SQLITE_FULL|ENOSPC|EDQUOT)$/;
const FAILED =
  /^(SQLITE_(IOERR|READONLY|CORRUPT|NOTADB|CANTOPEN|BUSY|LOCKED|PROTOCOL|PERM)(_.*)?|EIO|EROFS|EACCES|EPERM)$/;

export function isFull(error: unknown): boolean {
  return FULL.test(errorCode(error));
}

/** The system could not say that what was written is on the disk. */
export function isSyncFault(error: unknown): boolean {
  return /^SQLITE_IOERR_(DIR_)?FSYNC$/.test(errorCode(error));
}

/** Before anything is written: the reserve cannot be held any more. */
export function noRoom(): DbError {
  const message = "The disk that holds the data folder is full; only deletes, drops and flushes are accepted";
  return new DbError("STORAGE_FULL", message);
}

/** STORAGE_FULL or STORAGE_ERROR for a fault of the disk; anything else is returned as it came. */
export function toStorageError(error: unknown): unknown {
  const code = errorCode(error);
  if (FULL.test(code)) {
    return new DbError("STORAGE_FULL", "The disk that holds the data folder is full; nothing was written", {
      cause: error,
      hint: "Free some space, or delete rows: deletes, drops and flushes still run.",
    });
  }
  if (FAILED.test(code)) {
    return new DbError("STORAGE_ERROR", `The data file could not be read or written (${code}); nothing was written`, {
      cause: error,
    });
  }
  return error;
}
