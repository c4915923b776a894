// Stands for a backup that takes for ever: it claims its folder, tells its memory, and no more.

import { claimFolder } from "../../src/storage/backup/backup-folder.ts";
import type { BackupRequest } from "../../src/storage/backup/make-backup.ts";

process.on("disconnect", () => process.exit(1));
setTimeout(() => process.exit(1), 60_000);
process.once("message", ({ target, owner }: BackupRequest) => {
  claimFolder(target, owner);
  process.send?.({ kind: "memory", bytes: 12_345_678 });
  process.send?.({ kind: "progress", done: 1, total: 2 });
});
