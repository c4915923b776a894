// Makes or restores a backup and ends itself with SIGKILL at the given step. Arguments: "backup" or "restore", data folder, backup folder, step.
import { join } from "node:path";
import { makeBackup } from "../../../src/storage/backup/make-backup.ts";
import { folderSource, restoreBackup } from "../../../src/storage/backup/restore-backup.ts";

const [, , what, dataDir = "", folder = "", step = "0"] = process.argv;
let steps = 0;
const dieAtStep = (): void => {
  if (steps === Number(step)) process.kill(process.pid, "SIGKILL");
  steps += 1;
};
if (what === "backup") {
  const databasePath = join(dataDir, "kalamdb.sqlite");
  await makeBackup({ owner: "test", dataDir, databasePath, target: folder, nowMs: 1 }, dieAtStep);
} else {
  await restoreBackup({ from: folderSource(folder), dataDir, nowMs: 1 }, dieAtStep);
}
