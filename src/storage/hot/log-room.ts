// Room for the log: a commit that writes over what its file has already is synced sooner than one that makes the file grow, because the file system has nothing of its own to write.
// Decision 023.
import { closeSync, constants, fdatasyncSync, fstatSync, openSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** What the log is as long as when it is begun anew while commits go on, and a quarter more. */
export const LOG_ROOM_BYTES = 20 << 20;
/** A disk with less left has better use for it. */
const SPARE_BYTES = 1 << 30;
/** A commit that comes meanwhile waits until the disk has so much. */
const STEP_BYTES = 512 << 10;

/**
 * Zeros at the end of the log of the data file, which end it for SQLite as the end of the file does. Only ever at the end, as it is at that moment: what a commit writes meanwhile
 * cannot be written over.
 */
export function makeLogRoom(path: string, spareBytes = SPARE_BYTES): void {
  if (!hasSpareDisk(path, spareBytes)) return;
  const file = openSync(`${path}-wal`, constants.O_WRONLY | constants.O_APPEND);
  try {
    const zeros = Buffer.alloc(STEP_BYTES);
    while (fstatSync(file).size < LOG_ROOM_BYTES) {
      writeSync(file, zeros);
      fdatasyncSync(file);
    }
  } finally {
    closeSync(file);
  }
}

/** False too when the file system does not tell. */
export function hasSpareDisk(path: string, spareBytes = SPARE_BYTES): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize >= spareBytes;
  } catch {
    return false;
  }
}
