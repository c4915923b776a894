// One process at a time. The lock is SQLite's own file lock on an empty file: the operating system drops it when the process ends, however it ends, so there is no
// stale lock to clean up.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync } from "node:fs";
import { errorCode } from "./error-code.ts";
import { PRIVATE_FILE_MODE } from "./private-file.ts";

/** Undefined when another process, or this one, has the lock and keeps it for `waitMs`, during which the thread stands still. Released by disposal. */
export function lockFile(path: string, waitMs: number): Disposable | undefined {
  // To close a file ends every lock that this process has on it, another holder's too.
  if (!existsSync(path)) closeSync(openSync(path, "a", PRIVATE_FILE_MODE));
  const db = new Database(path, { readwrite: true });
  try {
    db.run(`PRAGMA busy_timeout = ${Math.trunc(waitMs)}`);
    // No journal file beside the lock; nothing is ever written to it.
    db.run("PRAGMA journal_mode = MEMORY");
    db.run("BEGIN IMMEDIATE");
    return { [Symbol.dispose]: () => db.close(true) };
  } catch (error) {
    db.close(true);
    if (errorCode(error) === "SQLITE_BUSY") return undefined;
    throw error;
  }
}
