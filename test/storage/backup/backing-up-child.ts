// Makes or restores a backup and ends itself with SIGKILL at the given step. Arguments: "backup" or "restore", data folder, backup folder, step.
// "wait": makes one; when it has read the data file it says so, and copies what that names once the file whose path is the last argument is there.
import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeBackup } from "../../../src/storage/backup/make-backup.ts";
import { folderSource, restoreBackup } from "../../../src/storage/backup/restore-backup.ts";

const [, , what, dataDir = "", folder = "", step = "0"] = process.argv;
let steps = 0;
const dieAtStep = (): void => {
  if (steps === Number(step)) process.kill(process.pid, "SIGKILL");
  steps += 1;
};
const databasePath = join(dataDir, "kalamdb.sqlite");
const waitWhenRead = (done: number): void => {
  if (steps > 0) return;
  steps += 1;
  writeSync(1, `read ${done}\n`);
  while (!existsSync(step)) Bun.sleepSync(5);
};
if (what === "wait") {
  await makeBackup({ owner: "test", dataDir, databasePath, target: folder, nowMs: 1 }, waitWhenRead);
} else if (what === "backup") {
  await makeBackup({ owner: "test", dataDir, databasePath, target: folder, nowMs: 1 }, dieAtStep);
} else {
  await restoreBackup({ from: folderSource(folder), dataDir, nowMs: 1 }, dieAtStep);
}
