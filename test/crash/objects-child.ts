// Writes files of a storage whose folders were made by a write that does not end, and claims the folder of a backup. Arguments: the storage's folder, and a file for the keys of
// what is complete.
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { claimFolder } from "../../src/storage/backup/backup-folder.ts";
import { INCOMPLETE_MARK } from "../../src/storage/backup/backup-manifest.ts";
import { openFilesystemStore } from "../../src/storage/objects/filesystem-store.ts";

const [root = "", marks = ""] = process.argv.slice(2);
const file = openSync(marks, "a");
const objects = openFilesystemStore(root);
await objects.create("chat/notes-7/alice/segment-1.parquet");
// The second is another process's store, or this one's after it was made anew.
for (const [store, key] of [
  [objects, "chat/notes-7/bob/segment-2.parquet"],
  [openFilesystemStore(root), "chat/notes-7/alice/segment-3.parquet"],
] as const) {
  await store.put(key, new TextEncoder().encode(key));
  writeSync(file, key);
}
claimFolder(join(root, "backups/nightly"), "a backup");
writeSync(file, `backups/nightly/${INCOMPLETE_MARK}`);
