// One process for one data folder. The process id is only there for the error message.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DbError } from "../../base/errors.ts";
import { lockFile } from "../../base/file-lock.ts";

export interface FolderLock {
  release(): void;
}

export function lockFolder(dataDir: string): FolderLock {
  const pidPath = join(dataDir, "kalamdb.pid");
  const lock = lockFile(join(dataDir, "kalamdb.lock"), 0);
  if (lock === undefined) {
    throw new DbError("STORAGE_ERROR", `The data folder ${dataDir} is in use by another process${owner(pidPath)}`, {
      hint: "Stop that process, or give this one a data folder of its own.",
    });
  }
  writeFileSync(pidPath, `${process.pid}\n`, { mode: 0o600 });
  return { release: () => lock[Symbol.dispose]() };
}

function owner(pidPath: string): string {
  try {
    return ` (process ${readFileSync(pidPath, "utf8").trim()})`;
  } catch {
    // The other process may not have come so far; the lock itself is what counts.
    return "";
  }
}
