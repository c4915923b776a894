// Opening the data file: one connection that writes, one that only reads.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";

/**
 * `full`: COMMIT returns after the sync; an acknowledged write survives power loss. `normal`: it survives the end of the process, but the last
 * moments before a power loss may be missing (never torn: a prefix of the commits stays).
 */
export type Durability = "full" | "normal";

/** Only what happens around a crash holds a lock for long: another process recovering the log. Nothing waits for it in normal running. */
export const BUSY_TIMEOUT_MS = 1_000;
/** Of each connection, taken as pages are read: SQLite's own 2 MB hold the buffer of no busy table. */
const CACHE_KIB = 16 * 1024;
/** The log is cut back to this size after a checkpoint. */
export const LOG_LIMIT_BYTES = 64 << 20;

export function dataFilePath(dataDir: string): string {
  return join(dataDir, "kalamdb.sqlite");
}

export function openWriterConnection(path: string, durability: Durability): Database {
  // SQLite gives its log and shared-memory files the mode of the data file. A file that is there is not opened: to close it would end every lock this process has on it.
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  const db = new Database(path, { readwrite: true, strict: true });
  return prepared(db, [
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
    `PRAGMA cache_size = -${CACHE_KIB}`,
    "PRAGMA journal_mode = WAL",
    `PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`,
    `PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES}`,
    // The Checkpointer's.
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA trusted_schema = OFF",
  ]);
}

export function openReaderConnection(path: string): Database {
  const db = new Database(path, { readonly: true, strict: true });
  return prepared(db, [
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
    `PRAGMA cache_size = -${CACHE_KIB}`,
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
  ]);
}

function prepared(db: Database, pragmas: readonly string[]): Database {
  try {
    for (const pragma of pragmas) db.run(pragma);
    return db;
  } catch (error) {
    db.close(true);
    throw error;
  }
}
