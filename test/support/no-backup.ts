import type { BackupDeps } from "../../src/jobs/backup-kind.ts";

/** For tests that make none. */
export const NO_BACKUP: BackupDeps = {
  targetOf: (text) => text,
  makeBackup: () => Promise.reject(new Error("no backups here")),
  discardBackup: () => undefined,
};
