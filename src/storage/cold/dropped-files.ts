// Removes the files of dropped tables, one table after the other. What cannot be removed, or is not reached before the end of the process, is left to the sweep at
// the next start.
import { errorText, type Log } from "../../base/log.ts";
import { qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { removeOrphans } from "./orphans.ts";
import { tableFolder } from "./segment-paths.ts";

export interface DroppedFiles {
  /** After the commit of the drop, and again when a flush of the table ends after it. Returns at once. */
  remove(table: TableSchema): void;
  /** Resolves when nothing is being removed. */
  idle(): Promise<void>;
}

export function createDroppedFiles(deps: { readonly objects: ObjectStore; readonly log: Log }): DroppedFiles {
  const { objects, log } = deps;
  let last: Promise<void> = Promise.resolve();
  /** Not begun yet: once more would do the same. */
  const waiting = new Set<TableSchema["id"]>();

  const removeFiles = async (table: TableSchema): Promise<void> => {
    waiting.delete(table.id);
    try {
      // No file in the folder of a dropped table can still become a segment, however young it is.
      const olderThanMs = Number.POSITIVE_INFINITY;
      const swept = await removeOrphans({ objects, folder: tableFolder(table), segments: [], olderThanMs });
      log.info("removed files of a dropped table", { table: qualifiedName(table), files: swept.files });
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
