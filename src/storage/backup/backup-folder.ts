// The folder of a backup, from both sides: claimed while it is written, given up when it was not finished.
import { readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import { errorCode } from "../../base/error-code.ts";
import { DbError } from "../../base/errors.ts";
import { makePrivateFolder } from "../../base/private-file.ts";
import { syncFile } from "../../base/sync-file.ts";
import { isSystemFolder } from "../objects/system-folder.ts";
import { BACKUP_MANIFEST, INCOMPLETE_MARK } from "./backup-manifest.ts";

const MAX_PATH_LENGTH = 1_000;

/** Where `BACKUP DATABASE TO 'text'` writes: a relative name is one below `{data}/backups`. Throws INVALID_INPUT for what may not be a target. */
export function backupFolder(dataDir: string, text: string): string {
  const isPlain = text.trim() !== "" && text.length <= MAX_PATH_LENGTH && !/\p{Cc}/u.test(text);
  if (!isPlain || text.split(/[\\/]/).includes("..")) {
    throw new DbError("INVALID_INPUT", `${JSON.stringify(text)} cannot be the folder of a backup`);
  }
  const backups = join(dataDir, "backups");
  const path = isAbsolute(text) ? resolve(text) : join(backups, text);
  const real = realPath(path);
  const isInside = (folder: string): boolean => real === folder || real.startsWith(folder + sep);
  if (isSystemFolder(real)) {
    throw new DbError("INVALID_INPUT", `${JSON.stringify(text)} is a folder of the operating system`);
  }
  if (isInside(realPath(dataDir)) && !real.startsWith(realPath(backups) + sep)) {
    throw new DbError("INVALID_INPUT", `${JSON.stringify(text)} lies in the data folder`, {
      hint: `Give a name without a slash in front: it becomes a folder in ${backups}.`,
    });
  }
  return path;
}

/** With links resolved as far as the path exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    return join(realPath(dirname(path)), path.slice(dirname(path).length).replaceAll(sep, ""));
  }
}

/** Makes the folder, or takes an empty one. Throws ALREADY_EXISTS when there is something in it. */
export function claimFolder(path: string, owner: string): void {
  makePrivateFolder(path);
  if (readdirSync(path).length > 0) {
    throw new DbError("ALREADY_EXISTS", `The folder ${path} is not empty`, {
      hint: "Name one that is empty or not there.",
    });
  }
  writeFileSync(join(path, INCOMPLETE_MARK), owner, { flag: "wx", mode: 0o600 });
  syncFile(path);
}

/** After the last file. */
export function releaseFolder(path: string): void {
  rmSync(join(path, INCOMPLETE_MARK));
  syncFile(path);
}

/** Whether a write into the folder was begun and not finished. */
export function isIncomplete(path: string): boolean {
  try {
    return readdirSync(path).includes(INCOMPLETE_MARK);
  } catch (error) {
    if (/^(ENOENT|ENOTDIR)$/.test(errorCode(error))) return false;
    throw error;
  }
}

/** Removes what an unfinished backup left; a folder without the owner's mark is not touched. The manifest goes first: what is left never looks like a backup. */
export function discardFolder(path: string, owner: string): void {
  if (!isIncomplete(path) || readFileSync(join(path, INCOMPLETE_MARK), "utf8") !== owner) return;
  rmSync(join(path, BACKUP_MANIFEST), { force: true });
  for (const name of readdirSync(path)) {
    if (name !== INCOMPLETE_MARK) rmSync(join(path, name), { recursive: true, force: true });
  }
  rmSync(join(path, INCOMPLETE_MARK));
  rmSync(path, { recursive: true });
}

/** Makes the file durable and gives it its name. */
export function nameFile(folder: string, from: string, to: string): void {
  syncFile(join(folder, from));
  renameSync(join(folder, from), join(folder, to));
  syncFile(folder);
}
