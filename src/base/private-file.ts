// Files only the owner may read, replaced whole: a crash leaves the old file or the new one.
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { syncFile } from "./sync-file.ts";

export const PRIVATE_FILE_MODE = 0o600;

export function writePrivateFile(path: string, text: string): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    // "wx" refuses a file, or a link someone planted, that is already there.
    const file = openSync(temporary, "wx", PRIVATE_FILE_MODE);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  // Its rename.
  syncFile(dirname(path));
}

/** Readable by its owner alone, and there after a power loss, as are the folders made above it. What is there already keeps its mode. */
export function makePrivateFolder(path: string): void {
  const created = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (created === undefined) return;
  const top = resolve(created);
  for (let folder = resolve(path); folder.length >= top.length; folder = dirname(folder)) syncFile(dirname(folder));
}
