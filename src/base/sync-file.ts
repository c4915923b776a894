// Makes what was written last beyond a power loss: a file's bytes, or a folder's entries.
import { closeSync, fsync, fsyncSync, openSync } from "node:fs";
import { promisify } from "node:util";

/** Holds up the thread for as long as the disk likes: for starts, commands and small private files. */
export function syncFile(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Of an open file, on a thread of the pool: the caller may be the main thread. */
export const syncHandleInPool = promisify(fsync);

/** As `syncFile`, on a thread of the pool. */
export async function syncFileInPool(path: string): Promise<void> {
  const handle = openSync(path, "r");
  try {
    await syncHandleInPool(handle);
  } finally {
    closeSync(handle);
  }
}
