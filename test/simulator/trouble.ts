// Trouble with the disk, as the declared seams of a server let it be made: named by files in a folder that its processes look at, so that a schedule
// can begin and end it at any time.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a server's processes look. */
export const TROUBLE_VARIABLE = "SIMULATOR_TROUBLE";

/**
 * `full`: the disk that holds the data file is; `flush`, `merge`: the files that these jobs write cannot be written; `manifest`: what the main thread
 * writes beside them cannot.
 */
export const TROUBLES = ["full", "flush", "merge", "manifest"] as const;
export type Trouble = (typeof TROUBLES)[number];

export function begin(folder: string, trouble: Trouble): void {
  writeFileSync(join(folder, trouble), "");
}

export function end(folder: string): void {
  for (const trouble of TROUBLES) rmSync(join(folder, trouble), { force: true });
}

/** In a server: throws as the file system would. */
export function meet(trouble: Trouble): void {
  const folder = process.env[TROUBLE_VARIABLE];
  if (folder === undefined || !existsSync(join(folder, trouble))) return;
  if (trouble === "full") throw Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" });
  throw Object.assign(new Error("no space left on device, write"), { code: "ENOSPC" });
}
