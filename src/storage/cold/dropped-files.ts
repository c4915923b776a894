// Removes the files of dropped tables, one table after the other. What cannot be removed, or is not reached before the end of the process, is left to the sweep at
// the next start.
import { errorText, type Log } from "../../base/log.ts";
import { qualifiedName, type TableSchema } from "../../model/schema.ts";
import { syncLog } from "../hot/sync-log.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { removeOrphans } from "./orphans.ts";

export interface DroppedFiles {
  /** After the commit of the drop, and again when a flush of the table ends after it. Returns at once. */
  remove(table: TableSchema): void;
  /** Resolves when nothing is being removed. */
  idle(): Promise<void>;
}

export interface DroppedFilesDeps {
  readonly objects: ObjectStore;
  /** The data file: the drop must be on the disk before the files go. */
  readonly databasePath: string;
  /** Wherever files of a table may lie. */
  readonly foldersOf: (table: TableSchema) => readonly string[];
  readonly log: Log;
}

export function createDroppedFiles(deps: DroppedFilesDeps): DroppedFiles {
  const { objects, databasePath, foldersOf, log } = deps;
  let last: Promise<void> = Promise.resolve();
  /** Not begun yet: once more would do the same. */
  const waiting = new Set<TableSchema["id"]>();

  const removeFiles = async (table: TableSchema): Promise<void> => {
    waiting.delete(table.id);
    try {
      await syncLog(databasePath);
      // No file in the folder of a dropped table can still become a segment, however young it is.
      const olderThanMs = Number.POSITIVE_INFINITY;
      let files = 0;
      for (const folder of foldersOf(table)) {
        files += (await removeOrphans({ objects, folder, segments: [], olderThanMs })).files;
      }
      log.info("removed files of a dropped table", { table: qualifiedName(table), files });
    } catch (error) {
      log.warn("files of a dropped table not removed", { table: qualifiedName(table), error: errorText(error) });
    }
  };

  return {
    remove(table) {
      if (waiting.has(table.id)) return;
      waiting.add(table.id);
      last = last.then(() => removeFiles(table));
    },
    idle: () => last,
  };
}
