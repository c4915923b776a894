// Makes what was committed last as long as power lasts. With `durability = normal`, and after a start that found a log, commits may be in the system's memory alone.
import { open } from "node:fs/promises";
import { errorCode } from "../../base/error-code.ts";

/**
 * To be awaited before a file goes that an older state of the catalog named: after a power loss the catalog may be that older state again. Off the main thread;
 * rejects when the disk refuses, and then the file must stay.
 */
export async function syncLog(databasePath: string): Promise<void> {
  try {
    await using file = await open(`${databasePath}-wal`, "r+");
    await file.sync();
  } catch (error) {
    // Folded into the data file, which is synced before the log goes.
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
