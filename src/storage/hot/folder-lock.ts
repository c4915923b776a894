// One process for one data folder. The lock is SQLite's own file lock on an empty file beside the data: the operating system drops it
// when the process ends, however it ends, so there is no stale lock to clean up. The process id is only there for the error message.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { errorCode } from "./storage-error.ts";

export interface FolderLock {
  release(): void;
}

export function lockFolder(dataDir: string): FolderLock {
  const lockPath = join(dataDir, "kalamdb.lock");
  const pidPath = join(dataDir, "kalamdb.pid");
  // To close a file ends every lock that this process has on it, another store's too.
  if (!existsSync(lockPath)) closeSync(openSync(lockPath, "a", 0o600));
  const db = new Database(lockPath, { readwrite: true });
  try {
    // No journal file beside the lock; nothing is ever written to it.
    db.run("PRAGMA journal_mode = MEMORY");
    db.run("BEGIN IMMEDIATE");
  } catch (cause) {
    db.close(true);
    if (errorCode(cause) !== "SQLITE_BUSY") throw cause;
    throw new DbError("STORAGE_ERROR", `The data folder ${dataDir} is in use by another process${owner(pidPath)}`, {
      cause,
      hint: "Stop that process, or give this one a data folder of its own.",
    });
  }
  writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  return { release: () => db.close(true) };
}

function owner(pidPath: string): string {
  try {
    return ` (process ${readFileSync(pidPath, "utf8").trim()})`;
  } catch {
    // The other process may not have come so far; the lock itself is what counts.
    return "";
  }
}
